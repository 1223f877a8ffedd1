"""What students call, and the comparison under it."""

import collections
import functools
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lib import notebook
from lib.cases import Draw, call, refused, spy, watch
from lib.check import check, hint, predict, progress, reveal
from lib.compare import compare
from lib.lowering import output_size
from lib.show import Message
from lib.ste import RoundPass
from lib.tiling import mmul_tiling, tmul
from lib.values import MAX_BYTES, Other, decode, encode

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
ARRAYS = hnp.arrays(
    dtype=st.sampled_from([np.float64, np.float32, np.int64, np.int8, np.uint8, np.bool_]),
    shape=hnp.array_shapes(min_dims=0, min_side=0),
)


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))


@given(PLAIN)
def test_plain_values_survive_the_journey(value):
    assert decode(json.loads(json.dumps(encode(value)))) == value


@given(ARRAYS)
def test_tensors_survive_the_journey(array):
    tensor = torch.from_numpy(array)
    back = decode(json.loads(json.dumps(encode(tensor))))
    assert back.dtype == tensor.dtype and back.shape == tensor.shape
    assert torch.equal(back.nan_to_num(), tensor.nan_to_num())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.complex64])
def test_rarer_dtypes_survive_and_views_do_too(dtype):
    tensor = torch.arange(6).reshape(2, 3).to(dtype).T[1:]
    assert torch.equal(decode(encode(tensor)), tensor)


def test_what_cannot_be_carried_becomes_a_name_that_equals_nothing():
    class Yes(torch.Tensor):
        def __eq__(self, other):
            return True

    yes = torch.ones(2).as_subclass(Yes)
    assert "subclass of Tensor" in decode(encode(yes)).name
    assert compare(decode(encode(yes)), torch.ones(2)).kind == "type"
    assert isinstance(decode(encode(object())), Other)
    with pytest.raises(ValueError, match="bytes"):
        encode(torch.zeros(MAX_BYTES // 8 + 1, dtype=torch.float64))
    with pytest.raises(ValueError, match="nested"):
        deep = []
        for _ in range(20):
            deep = [deep]
        encode(deep)


@pytest.mark.parametrize(
    "data",
    [
        *(None, [], {}, {"kind": "tensor"}, {"kind": "bool", "value": 3}, {"kind": "int", "value": "x"}),
        {"kind": "tensor", "dtype": "float32", "shape": [9], "data": "AAAA"},
        {"kind": "tensor", "dtype": "float32", "shape": [-1], "data": "AAAA"},
        {"kind": "array", "dtype": "object", "shape": [1], "data": "AAAAAAAAAAA="},
    ],
)
def test_malformed_data_are_refused_in_one_way(data):
    with pytest.raises(ValueError):
        decode(data)


@given(ARRAYS)
def test_a_value_does_not_differ_from_itself(array):
    assert compare(torch.from_numpy(array), torch.from_numpy(array.copy())) is None


def test_differences_come_in_the_order_type_shape_dtype_value():
    expected = torch.arange(6.0).reshape(2, 3)
    other = expected.clone()
    other[1, 0] = 7
    wrong = {"type": expected.numpy(), "shape": expected.T, "dtype": expected.double() + 1, "value": other}
    for kind, got in wrong.items():
        assert compare(got, expected).kind == kind
    assert compare(other, expected).index == (1, 0)
    assert "forget a return" in compare(None, expected).message


def test_harmless_differences_are_none():
    assert compare(np.int64(3), 3) is None and compare(torch.tensor(3), 3) is None
    assert compare([1, 2], (1, 2)) is None and compare(float("inf"), float("inf")) is None
    assert compare(torch.tensor([1.0 + 1e-7]), torch.tensor([1.0])) is None
    assert compare(torch.tensor([float("nan")]), torch.tensor([float("nan")])) is None


def test_harmful_differences_are_found():
    assert compare(True, 1).kind == "type" and compare(3j, 1.0).kind == "type"
    assert all(compare(x, float("inf")).kind == "value" for x in (126.9, float("-inf"), float("nan")))
    assert compare(float("inf"), 1.0).kind == "value"
    assert compare(torch.tensor([float("nan")]), torch.tensor([1.0])).kind == "value"
    assert compare(float("nan"), 1.0).kind == "value"
    assert compare(torch.tensor([1.0 + 1e-7]), torch.tensor([1.0]), exact=True).kind == "value"
    last = compare(torch.tensor([1.0 + 1e-7]), torch.tensor([1.0]), exact=True)
    assert last.message.startswith("value: yours[0] is 1.00000011") and last.message.endswith("expected 1.0")
    assert compare((1, (2, torch.zeros(2))), (1, (2, torch.ones(2)))).message.startswith("value of item [1][1]")


def test_a_named_tuple_and_a_size_are_tuples():
    pair = collections.namedtuple("Pair", "scale zero_point")(0.5, 3)
    assert decode(encode(pair)) == (0.5, 3) and decode(encode(torch.ones(2, 3).shape)) == (2, 3)


def test_draws_follow_their_seed():
    first, same, other = Draw(1), Draw(1), Draw(2)
    assert torch.equal(first.normal(3), same.normal(3))
    assert first.number(0, 10**9) == same.number(0, 10**9)
    assert not torch.equal(Draw(1).normal(3), other.normal(3))
    assert set(Draw(3).integers(500, low=-2, high=2).tolist()) == {-2, -1, 0, 1}


def test_tools_record_what_runs():
    with spy(mmul_tiling, "tmul") as calls:
        mmul_tiling(torch.ones(2, 2), torch.ones(2, 2), 1)
    assert calls == 8 * [[(1, 1), (1, 1)]]
    with watch() as seen:
        torch.ones(2, 2) @ torch.ones(2, 2)
    assert ("aten.mm", [(2, 2), (2, 2)]) in seen

    def fails():
        raise KeyError

    assert refused(lambda: tmul(torch.ones(3, 3), torch.ones(3, 3), 2)) == "a ValueError"
    assert refused(lambda: torch.ones(2, 3) @ torch.ones(2, 3)) == "a RuntimeError"
    assert refused(lambda: [][0]) == "an IndexError"
    assert refused(lambda: None) == "no error"
    with pytest.raises(KeyError):
        refused(fails)


multiply = tmul


def by_another_name(matA, matB, t, product=tmul):
    return multiply(matA, matB, t) + product(matA, matB, t=t) + functools.partial(tmul, t=t)(matA, matB)


def test_a_spy_sees_calls_by_any_name_and_may_change_what_they_return():
    with spy(by_another_name, "tmul", lambda product: product.mul_(2)) as calls:
        assert by_another_name(torch.ones(2, 3), torch.ones(3, 2), 3)[0, 0] == 18
    assert calls == 3 * [[(2, 3), (3, 2)]]
    assert by_another_name(torch.ones(2, 3), torch.ones(3, 2), 3)[0, 0] == 9


def test_a_forbidden_operator_is_named():
    def case(implementation, draw):
        return implementation(draw.normal(1, 1, 3, 3))

    result = call(case, lambda x: torch.nn.functional.unfold(x, 2), 0, ("aten.im2col",))
    assert result["forbidden"] == ["aten.im2col"]


def test_check_says_not_yet_written_wrong_and_right():
    def blank(tileA, tileB, t):
        raise NotImplementedError

    def forgetful(tileA, tileB, t):
        tileA @ tileB

    assert check("tmul", blank).status == "not yet written"
    wrong = check("tmul", forgetful)
    assert wrong.status == "wrong" and "forget a return" in str(wrong) and "aria-label" in wrong._repr_html_()
    assert "argument tileA" in str(wrong) and "expected" in str(wrong)
    assert check("tmul", tmul).passed
    with pytest.raises(KeyError, match="no exercise"):
        check("tmull", tmul)


def test_check_shows_the_arguments_of_the_call_that_went_wrong():
    def lenient(size, kernel_size, stride=1, padding=0, dilation=1):
        return 0 if dilation == 0 else output_size(size, kernel_size, stride, padding, dilation)

    wrong = check("output_size", lenient)  # it refuses what the case asks for after that
    assert ("argument dilation", 0, None) in wrong.values
    assert "argument padding" not in str(wrong)


class Slotted:
    __slots__ = ()

    def __call__(self, tileA, tileB, t):
        return tileA


def test_check_takes_whatever_it_is_given():
    assert check("tmul", 3).status == "wrong" and "of type int" in str(check("tmul", 3))
    for made in (RoundPass.apply, Slotted()):
        assert "RoundPass itself, the class" in str(check("RoundPass", made))
    assert check("tmul", Slotted()).status == check("tmul", torch.mm).status == "wrong"


def test_check_blames_the_student_s_other_function_that_is_wrong():
    check("RoundPass", type("Floor", (), {"apply": staticmethod(torch.floor)}))
    space = {"torch": torch, "roundpass": torch.floor}
    exec("def clip_round(x, low, high):\n    return torch.clamp(roundpass(x), low, high)", space)
    wrong = check("clip_round", space["clip_round"])
    assert "It calls your RoundPass, which did not pass its own check" in wrong.lines[1]
    space = {"torch": torch, "roundpass": RoundPass.apply}
    exec("def clip_round(x, low, high):\n    return torch.clamp(roundpass(x), low, high) + 1", space)
    assert "It calls your" not in str(check("clip_round", space["clip_round"]))


def test_check_says_where_a_half_written_answer_is_still_open():
    def half(tileA, tileB, t):
        if max(*tileA.shape, *tileB.shape) <= t:
            return tileA @ tileB
        raise NotImplementedError

    wrong = check("tmul", half)
    assert wrong.status == "wrong" and "comes to the line `raise NotImplementedError`" in str(wrong)


def test_check_stops_an_answer_that_takes_too_long(monkeypatch):
    monkeypatch.setattr("lib.check.SECONDS", 0.2)

    def endless(tileA, tileB, t):
        while True:
            pass

    wrong = check("tmul", endless)
    assert wrong.status == "wrong" and "stopped after 0.2 seconds at the line" in str(wrong)


def test_a_large_difference_is_shown_around_its_place():
    message = Message("wrong", "x", values=[("yours", torch.arange(900.0).reshape(30, 30), (3, 29))])
    assert "[119]" in str(message) and "[3, 22:30] of 30×30" in str(message)
    assert "▸119" in message._repr_html_()


def test_the_matrices_of_a_larger_tensor_stand_apart():
    message = Message("wrong", "x", values=[("yours", torch.arange(8.0).reshape(2, 1, 2, 2), None)])
    assert str(message).splitlines()[4].strip() == "" and message._repr_html_().count("3px solid") == 1


def test_a_number_may_be_guessed_in_any_form(tmp_path):
    for guess in ("112", np.int64(112), torch.tensor(112)):
        predict("output-side", guess)
        assert reveal("output-side", 112).passed
    for guess in ("[27, 256]", "27×256", [27, 256]):
        predict("lowering-shape", guess)
        assert reveal("lowering-shape", [27, 256]).passed
    predict("lowering-shape", "27 by 64")
    assert not reveal("lowering-shape", [27, 256]).passed


def test_check_escapes_what_a_student_returns():
    def nasty(tileA, tileB, t):
        raise RuntimeError("<script>alert(1)</script>")

    assert "<script>" not in check("tmul", nasty)._repr_html_()


def test_a_function_that_waits_for_another_says_which():
    space = {}
    exec("def inputs_lowering(*a, **k):\n    raise NotImplementedError", space)
    exec("def conv2d(*a, **k):\n    return inputs_lowering(*a)", space)
    answer = check("conv2d", space["conv2d"])
    assert answer.status == "not yet written" and "inputs_lowering is not yet written" in str(answer)


def test_hints_come_one_at_a_time_and_start_again():
    first = str(hint("tmul"))
    rest = [str(hint("tmul")) for _ in range(20)]
    assert "Hint 1 of" in first and first in rest and len(set(rest)) > 1


def test_predictions_are_kept_compared_and_summed_up():
    assert predict("a", ...).status == "not yet written"
    assert "no prediction" in str(reveal("a", 3))
    predict("a", (27, 256))
    assert reveal("a", [27, 256]).passed
    predict("b", " True")
    assert reveal("b", True).passed
    predict("c", 90)
    assert not reveal("c", 100).passed and reveal("c", 100, rtol=0.2).passed
    predict("d", 1)
    assert "you expected 1" in str(reveal("d", torch.tensor(2)))
    assert "predictions: 3 of 4 came true" in str(progress())


def test_progress_counts_the_checks(tmp_path):
    check("tmul", tmul)
    assert "01_tiling: 1 of" in str(progress())
    (tmp_path / "progress.json").write_text("no json")
    assert "01_tiling: 0 of" in str(progress())
    notebook.save("checks", "tmul", "right")
    assert notebook.load()["checks"] == {"tmul": "right"}
