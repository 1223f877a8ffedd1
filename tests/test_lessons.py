"""What holds for every lesson: blanks fail, references pass, mistakes are told apart, nothing is stale."""

import ast
import inspect
import json
import re

import nbformat
import pytest

from course import build, cells, text
from course.lessons import LESSONS, Lesson
from course.mistakes import attempts, mistakes
from lib.cases import Case, call, cases_in
from lib.check import _judge, explain

BOTH = pytest.mark.parametrize(
    ("lesson", "exercise"),
    [pytest.param(lesson, e, id=f"{lesson.name}-{e}") for lesson in LESSONS.values() for e in lesson.exercises],
)
EACH = pytest.mark.parametrize("lesson", LESSONS.values(), ids=list(LESSONS))
MISTAKES = [
    pytest.param(lesson, m, id=f"{m.exercise}: {m.name}") for lesson in LESSONS.values() for m in mistakes(lesson)
]
ATTEMPTS = [
    pytest.param(lesson, a, id=f"{a.exercise}: {a.name}") for lesson in LESSONS.values() for a in attempts(lesson)
]


def notebook(lesson: Lesson):
    return nbformat.read(lesson.notebook, 4)


def as_shipped(lesson: Lesson, exercise: str):
    """The blank of the student's notebook, run after the notebook's setup cells and the references."""
    nb = notebook(lesson)
    space = {"__name__": "blank"}
    for cell in nb.cells:
        if "setup" in cell.metadata.get("tags", []):
            exec(cell.source, space)
    space |= {name: lesson.reference(name) for name in lesson.exercises}
    exec(cells.blanks(nb)[exercise].source, space)
    return space[exercise]


def wrong(lesson: Lesson, cases: list[Case], implementation, seed: int = 7) -> dict[str, list[str]]:
    """What each case has against an implementation; empty where all pass."""
    found = {}
    for one in cases:
        expected = call(one.function, lesson.reference(one.exercise), seed)
        lines, _ = explain(call(one.function, implementation, seed, one.forbids), expected, one)
        if lines:
            found[one.name] = lines
    return found


@EACH
def test_twin_and_notebook_agree(lesson):
    assert lesson.text.read_text() == text.to_text(notebook(lesson)), "run `course text` or `course text --apply`"


@EACH
def test_notebook_holds_nothing_but_its_source(lesson):
    nb = notebook(lesson)
    nbformat.validate(nb)
    for cell in nb.cells:
        assert not cell.get("outputs") and not cell.get("execution_count")
        assert set(cell.metadata) <= {"exercise", "tags"}
        if "exercise" in cell.metadata:
            assert set(cell.metadata) == {"exercise"}
        if cell.cell_type == "markdown":
            assert "![](" not in cell.source, "an image without alt text"


@EACH
def test_notebook_asks_for_the_exercises_of_the_catalogue(lesson):
    assert tuple(cells.blanks(notebook(lesson))) == lesson.exercises


@EACH
def test_images_exist(lesson):
    for cell in notebook(lesson).cells:
        for path in re.findall(r"!\[[^\]]*\]\(([^)]*)\)", cell.source if cell.cell_type == "markdown" else ""):
            assert (lesson.notebook.parent / path).exists(), path


@BOTH
def test_blank_is_the_reference_without_its_body(lesson, exercise):
    source = cells.blanks(notebook(lesson))[exercise].source
    assert "# TODO:" in source and "raise NotImplementedError" in source
    blank = cells.definition(source, exercise)
    reference = ast.parse(inspect.getsource(lesson.reference(exercise))).body[0]
    for mine, theirs in zip(*(list(signatures(node)) for node in (blank, reference)), strict=True):
        assert mine == theirs


def signatures(node):
    """Name, arguments and docstring of a function, or of a class and its methods."""
    returns = ast.unparse(node.returns) if getattr(node, "returns", None) else None
    parts = ast.unparse(node.args) if isinstance(node, ast.FunctionDef) else [ast.unparse(b) for b in node.bases]
    yield node.name, parts, returns, ast.get_docstring(node)
    if isinstance(node, ast.ClassDef):
        for method in node.body:
            if isinstance(method, ast.FunctionDef):
                yield from signatures(method)


@BOTH
def test_there_are_public_and_hidden_checks_hints_and_points(lesson, exercise):
    assert cases_in(lesson.public(), exercise)
    assert lesson.points(exercise) > 0
    assert all(probe.points > 0 for probe in lesson.probes(exercise))
    assert lesson.public().HINTS[exercise]


@BOTH
def test_blank_as_shipped_passes_nothing(lesson, exercise):
    blank = as_shipped(lesson, exercise)
    public, hidden = cases_in(lesson.public(), exercise), lesson.probes(exercise)
    assert set(wrong(lesson, public, blank)) == {c.name for c in public}
    assert set(wrong(lesson, hidden, blank)) == {c.name for c in hidden}
    verdict = _judge(exercise, blank, public, json.loads(lesson.recorded.read_text())["exercises"][exercise])
    assert verdict.status == "not yet written"


@BOTH
@pytest.mark.parametrize("lazy", ["refuses", "returns nothing", "returns its first argument"])
def test_an_answer_without_work_earns_nothing(lesson, exercise, lazy):
    def implementation(*args, **kwargs):
        if lazy == "refuses":
            raise ValueError("no")
        return args[0] if lazy == "returns its first argument" and args else None

    implementation.apply = implementation
    hidden = lesson.probes(exercise)
    passed = {probe.name for probe in hidden} - set(wrong(lesson, hidden, implementation))
    if lazy != "returns its first argument":
        assert not passed
    assert sum(p.points for p in hidden if p.name in passed) <= lesson.points(exercise) // 2


@BOTH
def test_reference_passes_everything(lesson, exercise):
    reference = lesson.reference(exercise)
    public = cases_in(lesson.public(), exercise)
    for seed in range(3):
        assert wrong(lesson, lesson.probes(exercise), reference, seed) == {}
    verdict = _judge(exercise, reference, public, json.loads(lesson.recorded.read_text())["exercises"][exercise])
    assert verdict.passed, verdict


@BOTH
def test_no_case_raises_on_the_reference(lesson, exercise):
    for one in cases_in(lesson.public(), exercise) + lesson.probes(exercise):
        assert "value" in call(one.function, lesson.reference(exercise), 3, one.forbids), one.name


@pytest.mark.parametrize(("lesson", "mistake"), MISTAKES)
def test_hidden_checks_reject_every_mistake(lesson, mistake):
    for seed in range(3):
        assert wrong(lesson, lesson.probes(mistake.exercise), mistake.implementation, seed)


@pytest.mark.parametrize(("lesson", "mistake"), MISTAKES)
def test_check_names_every_mistake_it_can_reach(lesson, mistake):
    content = json.loads(lesson.recorded.read_text())["exercises"][mistake.exercise]
    verdict = _judge(mistake.exercise, mistake.implementation, cases_in(lesson.public(), mistake.exercise), content)
    if mistake.name in [m["name"] for m in content["mistakes"]]:
        assert verdict.status == "wrong"
        assert mistake.hint in str(verdict)


@pytest.mark.parametrize(("lesson", "attempt"), ATTEMPTS)
def test_right_answers_in_other_styles_pass(lesson, attempt):
    public = cases_in(lesson.public(), attempt.exercise)
    hidden = lesson.probes(attempt.exercise)
    for seed in range(3):
        assert wrong(lesson, public + hidden, attempt.implementation, seed) == {}


@EACH
def test_there_are_enough_mistakes_and_attempts(lesson):
    assert len(mistakes(lesson)) >= 12
    assert len(attempts(lesson)) >= 8
    assert {m.exercise for m in mistakes(lesson)} == set(lesson.exercises)


@EACH
def test_recorded_answers_are_current(lesson):
    assert json.loads(lesson.recorded.read_text()) == json.loads(json.dumps(build.recorded(lesson))), (
        "run `course build`"
    )


@EACH
def test_solution_is_current_and_was_run(lesson):
    built = nbformat.read(lesson.solution, 4)
    fresh = build.solution(lesson)
    assert [c.source for c in built.cells] == [c.source for c in fresh.cells], "run `course build`"
    for cell in built.cells:
        if cell.cell_type == "code":
            assert cell.execution_count
            assert not [o for o in cell.outputs if o.output_type == "error"]
