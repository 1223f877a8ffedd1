"""What the five views share: the widget class, checks of arguments, and the page without a kernel."""

import html
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import anywidget
import numpy as np
import torch
import traitlets

from lib.cases import raising

STATIC = Path(__file__).with_name("static")

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0 auto; max-width: 1200px; padding: 16px; font-family: system-ui, sans-serif;
  background: #fff; color: #1a1a1a; }}
h1 {{ font-size: 22px; margin: 8px 12px; }}
@media (prefers-color-scheme: dark) {{
  body {{ background: #111; color: #eee; --jp-content-font-color1: #eee; --jp-content-font-color2: #b8b8b8;
    --jp-layout-color0: #111; --jp-layout-color1: #222; --jp-border-color2: #555; }}
  main .fci {{ --fci-accent: #56b4e9; }}
}}
{css}</style></head>
<body><h1>{title}</h1><main id="view"></main><noscript>This page needs JavaScript.</noscript>
<script type="module">
{esm}
Object.assign(globalThis, {{ maths, model: mountStatic(view, {state}, document.getElementById("view")) }});
</script></body></html>
"""


def source(name: str, kind: str) -> str:
    """What the views share and, where there is one, ``static/NAME.KIND``, as one text."""
    parts = [STATIC / f"{part}.{kind}" for part in ("base", "ui", name)]
    return "\n".join(part.read_text(encoding="utf-8") for part in parts if part.exists())


class View(anywidget.AnyWidget):
    """A view: synced traits in Python, the picture in ``static/NAME.js``.

    A subclass is declared with its lesson's name, ``class TilingView(View, lesson="tiling", title="...")``.
    Its public traits tagged ``sync=True`` say where the view stands: Python reads and sets them,
    ``ipywidgets.jslink`` ties sliders to them. ``data`` is what Python sends once.
    """

    view_name = ""
    title = ""
    data = traitlets.Dict().tag(sync=True)
    prediction = traitlets.Float(None, allow_none=True, help="what the student predicted last").tag(sync=True)

    def __init_subclass__(cls, lesson: str = "", title: str = "", **kwargs: object) -> None:
        if lesson:  # traitlets makes nameless subclasses of its own
            cls.view_name, cls.title = lesson, title
            cls._esm, cls._css = source(lesson, "js"), source(lesson, "css")
        super().__init_subclass__(**kwargs)

    def where(self) -> dict[str, object]:
        """The public traits other than ``data``: where the view stands."""
        own = set(self.traits(sync=True)) - set(anywidget.AnyWidget.class_traits()) - {"data", "yours"}
        return {key: getattr(self, key) for key in sorted(own) if not key.startswith("_")}

    def __repr__(self) -> str:
        stand = ", ".join(f"{key}={value!r}" for key, value in self.where().items() if value is not None)
        return f"<{self.view_name} view: {stand}>"

    def static_html(self) -> str:
        """The view as one page that needs neither kernel nor network."""
        own = set(self.traits(sync=True)) - set(anywidget.AnyWidget.class_traits())
        state = {key: getattr(self, key) for key in sorted(own) if not key.startswith("_")}
        text = json.dumps(state, allow_nan=False).replace("<", "\\u003c")
        return PAGE.format(title=html.escape(self.title), css=self._css, esm=self._esm, state=text)

    def save_html(self, path: str | Path) -> Path:
        """Write :meth:`static_html` to ``path``."""
        path = Path(path)
        path.write_text(self.static_html(), encoding="utf-8")
        return path


def whole(name: str, value: object, low: int, high: int) -> int:
    """``value`` as an int in [low, high]; ``TypeError`` or ``ValueError`` that names the argument otherwise."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be a whole number, not {value!r}")
    if not low <= int(value) <= high:
        raise ValueError(f"{name} must be between {low} and {high}, not {value}")
    return int(value)


def real(name: str, value: object, low: float = -np.inf, high: float = np.inf) -> float:
    """``value`` as a finite float in [low, high]; ``TypeError`` or ``ValueError`` naming the argument otherwise."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{name} must be a number, not {value!r}") from None
    if not (np.isfinite(number) and low <= number <= high):
        raise ValueError(f"{name} must be a finite number between {low} and {high}, not {value}")
    return number


def one_of(name: str, value: object, options: Sequence[object]) -> object:
    """``value`` where it is one of ``options``; ``ValueError`` otherwise."""
    if value not in options:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}, not {value!r}")
    return value


def array(name: str, value: object, ndim: Sequence[int], most: int) -> np.ndarray:
    """``value`` as a float64 array of at most ``most`` finite numbers, with as many dimensions as ``ndim`` allows.

    Raises
    ------
    TypeError
        Where ``value`` is no tensor, array or nested list of numbers.
    ValueError
        For another number of dimensions, an empty array, too many cells for a screen, NaN or infinity.
    """
    try:
        tensor = torch.as_tensor(value).detach().cpu().double()
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{name} must be a tensor of numbers, not {type(value).__name__}") from None
    if tensor.ndim not in ndim:
        allowed = " or ".join(map(str, ndim))
        raise ValueError(f"{name} must have {allowed} dimensions, not {tensor.ndim}: shape {tuple(tensor.shape)}")
    if tensor.numel() == 0:
        raise ValueError(f"{name} is empty: shape {tuple(tensor.shape)}")
    if tensor.numel() > most:
        raise ValueError(f"{name} has {tensor.numel()} numbers; a screen holds {most}. Take a slice of it.")
    if not tensor.isfinite().all():
        raise ValueError(f"{name} holds NaN or infinity")
    return tensor.numpy()


def attempt(function: Callable, *args: object, **kwargs: object) -> tuple[object, str]:
    """Call a student's function for a picture: (result, "") or (None, what happened)."""
    name = getattr(function, "__name__", "your function")
    try:
        return function(*args, **kwargs), ""
    except NotImplementedError as error:
        return None, f"{raising(error)} is not written yet."
    except Exception as problem:  # the picture says it; the cell goes on
        return None, f"{name} raised {type(problem).__name__}: {problem}"


def told(
    function: Callable, *args: object, shape: tuple[int, ...] | None = None, **kwargs: object
) -> dict[str, object]:
    """What a student's function gives, for a picture: its values as nested lists, or a note that says why not.

    Without ``shape`` any matrix of at most 4000 cells is drawn.
    """
    result, note = attempt(function, *args, **kwargs)
    name = getattr(function, "__name__", "your function")
    if not note and not isinstance(result, torch.Tensor):
        note = f"{name} returned {type(result).__name__}, not a tensor."
    if not note and (tuple(result.shape) != shape if shape else result.ndim != 2 or not 0 < result.numel() <= 4000):
        note = f"{name} returned shape {tuple(result.shape)}" + (
            f"; expected {shape}." if shape else ", not a matrix that can be drawn."
        )
    if note:
        return {"note": note}
    return {"values": result.detach().cpu().double().nan_to_num(1e9, 1e9, -1e9).tolist(), "note": ""}
