"""Values as plain JSON: how what a function returned travels from one process to another.

Arrays are carried as raw bytes in base64, never as pickles: decoding runs no code of the sender's.
"""

import base64
from typing import Any

import numpy as np
import torch

MAX_BYTES = 16 << 20
DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.bool, torch.complex64),
        *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8),
    )
}


def encode(value: Any) -> dict:
    """Write a value as JSON data.

    Parameters
    ----------
    value
        Tensors, arrays, numbers, strings, ``None``, and lists, tuples or dicts of them. Anything else,
        a subclass of ``Tensor`` included, becomes its type's name and equals nothing.

    Raises
    ------
    ValueError
        The arrays in it hold more than ``MAX_BYTES``, or it is nested too deeply.
    """
    return _encode(value, [MAX_BYTES], 0)


def _encode(value: Any, left: list[int], depth: int) -> dict:
    if depth > 8:
        raise ValueError("the value is nested more than 8 deep")
    kind = type(value)
    if kind in (torch.Tensor, torch.nn.Parameter):
        return _encode_tensor(value, left)
    if kind is np.ndarray and value.dtype.kind in "fiub":
        return {"kind": "array", "dtype": str(value.dtype), **_raw(value, left)}
    if isinstance(value, np.generic):
        value = value.item()
        kind = type(value)
    if value is None or kind in (bool, str):
        return {"kind": kind.__name__, "value": value[:10_000] if kind is str else value}
    if kind in (int, float, complex):
        return {"kind": kind.__name__, "value": repr(value)}
    if kind is list or isinstance(value, tuple):  # a torch.Size and a named tuple are tuples
        items = [_encode(item, left, depth + 1) for item in tuple(value)[:10_000]]
        return {"kind": "list" if kind is list else "tuple", "items": items}
    if kind is dict:
        items = {str(key): _encode(item, left, depth + 1) for key, item in list(value.items())[:1000]}
        return {"kind": "dict", "items": items}
    base = next((b.__name__ for b in (torch.Tensor, np.ndarray) if isinstance(value, b)), None)
    return {"kind": "other", "type": kind.__name__ + (f" (a subclass of {base})" if base else "")}


def _encode_tensor(value: torch.Tensor, left: list[int]) -> dict:
    value = value.detach()
    dtype = str(value.dtype).removeprefix("torch.")
    if value.layout is not torch.strided or dtype not in DTYPES:
        return {"kind": "other", "type": f"Tensor ({dtype}, {value.layout})"}
    value = value.cpu().resolve_conj().resolve_neg()
    if value.dtype is torch.bfloat16:
        value = value.contiguous().view(torch.int16)
    return {"kind": "tensor", "dtype": dtype, **_raw(value.numpy(), left)}


def _raw(array: np.ndarray, left: list[int]) -> dict:
    left[0] -= array.nbytes
    if left[0] < 0:
        raise ValueError(f"the value holds more than {MAX_BYTES} bytes")
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"shape": list(array.shape), "data": data}


class Other:
    """Stands for a value of a type that cannot be compared; ``name`` is the type's."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<{self.name}>"


def decode(data: dict) -> Any:
    """Read a value back that :func:`encode` wrote.

    Raises
    ------
    ValueError
        The data are not of that form.
    """
    try:
        return _decode(data, 0)
    except (KeyError, TypeError, AttributeError, RuntimeError, OverflowError, RecursionError) as error:
        raise ValueError(f"not an encoded value: {error!r}") from error


def _decode(data: dict, depth: int) -> Any:
    kind = data["kind"]
    if depth > 8:
        raise ValueError("not an encoded value: nested too deeply")
    if kind in ("tensor", "array"):
        return _decode_array(data, kind)
    if kind == "NoneType":
        return None
    if kind in ("bool", "str") and type(data["value"]).__name__ == kind:
        return data["value"]
    if kind in ("int", "float", "complex") and len(data["value"]) < 1000:
        return {"int": int, "float": float, "complex": complex}[kind](data["value"])
    if kind == "list" or kind == "tuple":
        items = [_decode(item, depth + 1) for item in data["items"]]
        return items if kind == "list" else tuple(items)
    if kind == "dict":
        return {str(key): _decode(item, depth + 1) for key, item in data["items"].items()}
    if kind == "other":
        return Other(str(data["type"])[:200])
    raise ValueError(f"not an encoded value: kind {str(kind)[:50]!r}")


def _decode_array(data: dict, kind: str) -> torch.Tensor | np.ndarray:
    raw = bytearray(base64.b64decode(data["data"], validate=True))
    shape = [int(side) for side in data["shape"]]
    if kind == "array":
        return np.frombuffer(raw, dtype=np.dtype(data["dtype"])).reshape(shape)
    dtype = DTYPES[data["dtype"]]
    if not raw and 0 in shape:
        return torch.empty(shape, dtype=dtype)
    return torch.frombuffer(raw, dtype=dtype).reshape(shape)
