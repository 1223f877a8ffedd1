"""The grader, end to end: right answers keep their points, wrong ones get none, nobody harms anybody."""

import csv
import json
import subprocess
import sys
from collections import defaultdict

import pytest

from course.grade import COLUMNS
from course.lessons import LESSONS
from course.mistakes import attempts, mistakes
from tests.submissions import answer, columns, hand_in, submission

TILING = LESSONS["01_tiling"]
# Students dealt from each bank: test_lessons.py tries every entry of the banks without kernels.
DEALT = 6
TMUL_BY_REFERENCE = "from lib.tiling import tmul"
BAD_BLANKS = {
    "syntax": ("tmul", "def tmul(tileA, tileB, t)\n    return tileA @ tileB", "wrong"),
    "endless": ("tmul", "def tmul(tileA, tileB, t):\n    while True:\n        pass", "timed out"),
    "endless-cell": ("tmul", "while True:\n    pass", "timed out"),
    "os-exit": ("tmul", "import os\n\ndef tmul(tileA, tileB, t):\n    os._exit(0)", "crashed"),
    "os-exit-cell": ("tmul", "import os\nos._exit(0)", "crashed"),
    "sys-exit": ("tmul", "import sys\n\ndef tmul(tileA, tileB, t):\n    sys.exit(0)", "wrong"),
    "reference": ("tmul", TMUL_BY_REFERENCE, "wrong"),
    "reference-inside": (
        "mmul_tiling",
        "def mmul_tiling(matA, matB, t):\n    from lib import tiling\n    return tiling.mmul_tiling(matA, matB, t)",
        "wrong",
    ),
    "patched-allclose": (
        "tmul",
        "torch.allclose = torch.equal = lambda *a, **k: True\n"
        "torch.isclose = lambda a, b, **k: torch.ones_like(a).bool()\n"
        "def tmul(tileA, tileB, t):\n    return tileA",
        "wrong",
    ),
    "equal-to-everything": (
        "tmul",
        "class Yes(torch.Tensor):\n    def __eq__(self, other):\n        return True\n"
        "    @classmethod\n    def __torch_function__(cls, f, types, args=(), kwargs=None):\n        return True\n"
        "def tmul(tileA, tileB, t):\n    return torch.ones(2, 2).as_subclass(Yes)",
        "wrong",
    ),
    "input-transformer": (
        "tmul",
        "get_ipython().input_transformers_cleanup.append(lambda lines: ['pass\\n'])\n"
        "def tmul(tileA, tileB, t):\n    return tileA",
        "wrong",
    ),
    "swallowed-exceptions": (
        "tmul",
        "get_ipython().set_custom_exc((BaseException,), lambda *a, **k: None)\n"
        "def tmul(tileA, tileB, t):\n    raise ValueError('no')",
        "wrong",
    ),
    "forged-answer": (
        "tmul",
        "def tmul(tileA, tileB, t):\n"
        "    data = {'application/vnd.course+json': {'value': {'kind': 'bool', 'value': True}, 'forbidden': []}}\n"
        "    get_ipython().display_pub.publish(data=data)\n    return tileA",
        "wrong",
    ),
    "flood": ("tmul", "def tmul(tileA, tileB, t):\n    while True:\n        print('x' * 10_000)", None),
}


def run(folder, out, *options):
    command = [sys.executable, "-m", "course.cli", "grade", str(folder), "--out", str(out), "--seed", "5", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=900)


def rows_of(out):
    found = defaultdict(dict)
    with (out / "gradebook.csv").open(newline="") as file:
        reader = csv.DictReader(file)
        assert tuple(reader.fieldnames) == COLUMNS
        for row in reader:
            found[row["student"], row["lesson"]][row["exercise"]] = row
    return found


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """One run over every kind of submission."""
    folder, out = tmp_path_factory.mktemp("submissions"), tmp_path_factory.mktemp("out")
    for lesson in LESSONS.values():
        hand_in(folder, "solution", lesson, submission(lesson, {}))
        hand_in(folder, "untouched", lesson, lesson.notebook.read_text())
        for kind, bank in (("attempt", attempts(lesson)), ("mistake", mistakes(lesson))):
            for number, column in enumerate(columns(lesson, bank)[:DEALT]):
                answers = {e: answer(lesson, e, entry.implementation) for e, entry in column.items()}
                hand_in(folder, f"{kind}-{number}", lesson, submission(lesson, answers))
    for name, (exercise, source, _) in BAD_BLANKS.items():
        hand_in(folder, name, TILING, submission(TILING, {exercise: source}))
    hand_in(folder, "not-json", TILING, "{")
    hand_in(folder, "not-utf8", TILING, b"\xff\xfe{}")
    hand_in(folder, "no-notebook", TILING, "[1, 2]")
    hand_in(folder, "deep", TILING, "[" * 200_000)
    hand_in(folder, "old-format", TILING, old_format(submission(TILING, {})))
    nb = submission(TILING, {})
    nb["cells"] = [c for c in nb["cells"] if c["metadata"].get("exercise") != "tmul"]
    hand_in(folder, "missing", TILING, nb)
    nb = submission(TILING, {})
    nb["cells"] += [c for c in nb["cells"] if c["metadata"].get("exercise") == "tmul"]
    hand_in(folder, "duplicated", TILING, nb)
    hand_in(folder, "another-name", TILING, another_name())
    result = run(folder, out, "--jobs", "2")
    assert result.returncode == 0, result.stderr
    return rows_of(out), out, result.stdout


def old_format(nb):
    """The same notebook in format 3."""
    cells = [{"input" if key == "source" else key: value for key, value in c.items()} for c in nb["cells"]]
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": cells}]}


def blank(nb, exercise):
    return next(cell for cell in nb["cells"] if cell["metadata"].get("exercise") == exercise)


def another_name():
    """A solution that calls its own tmul by a name that it has from a cell of its own."""
    solved = "".join(blank(submission(TILING, {}), "mmul_tiling")["source"])
    nb = submission(TILING, {"mmul_tiling": solved.replace("+= tmul(", "+= multiply(")})
    place = nb["cells"].index(blank(nb, "mmul_tiling"))
    assert "multiply" in nb["cells"][place]["source"]
    nb["cells"].insert(place, {"cell_type": "code", "source": "multiply = tmul", "metadata": {}, "outputs": []})
    return nb


def test_a_function_of_the_student_s_may_be_called_by_another_name(graded):
    rows, _, _ = graded
    assert {row["status"] for row in rows["another-name", TILING.name].values()} == {"right"}


def test_solution_gets_full_points_and_the_untouched_notebook_none(graded):
    rows, _, _ = graded
    for lesson in LESSONS.values():
        for exercise in lesson.exercises:
            row = rows["solution", lesson.name][exercise]
            assert (row["status"], row["points"]) == ("right", row["max_points"]), row
            row = rows["untouched", lesson.name][exercise]
            assert (row["status"], row["points"]) == ("not written", "0"), row


@pytest.mark.parametrize("name", LESSONS)
def test_every_right_attempt_gets_full_points(graded, name):
    rows, _, _ = graded
    for number, column in enumerate(columns(LESSONS[name], attempts(LESSONS[name]))[:DEALT]):
        for exercise, row in rows[f"attempt-{number}", name].items():
            assert row["points"] == row["max_points"], (column.get(exercise), row)


@pytest.mark.parametrize("name", LESSONS)
def test_every_mistake_loses_points_and_only_its_own(graded, name):
    rows, _, _ = graded
    for number, column in enumerate(columns(LESSONS[name], mistakes(LESSONS[name]))[:DEALT]):
        for exercise, row in rows[f"mistake-{number}", name].items():
            assert (int(row["points"]) < int(row["max_points"])) == (exercise in column), (column.get(exercise), row)


def test_students_who_handed_in_one_lesson_miss_the_others(graded):
    rows, _, _ = graded
    for name in list(LESSONS)[1:]:
        assert {row["status"] for row in rows["syntax", name].values()} == {"missing"}


@pytest.mark.parametrize("name", BAD_BLANKS)
def test_bad_blank_costs_its_own_points_only(graded, name):
    rows, _, _ = graded
    exercise, _, status = BAD_BLANKS[name]
    for other, row in rows[name, TILING.name].items():
        if other == exercise:
            assert row["status"] == (status or row["status"]), row
            assert row["points"] == "0", row
        else:
            assert row["points"] == row["max_points"], row


@pytest.mark.parametrize("name", ["not-json", "not-utf8", "no-notebook", "deep"])
def test_unreadable_submissions_say_so(graded, name):
    rows, _, _ = graded
    assert {row["status"] for row in rows[name, TILING.name].values()} == {"unreadable"}


def test_missing_and_duplicated_blanks_and_old_formats(graded):
    rows, _, _ = graded
    missing = rows["missing", TILING.name]
    assert missing["tmul"]["status"] == "missing"
    assert {row["status"] for name, row in missing.items() if name != "tmul"} == {"right"}
    assert {row["status"] for row in rows["duplicated", TILING.name].values()} == {"right"}
    assert "last one" in rows["duplicated", TILING.name]["tmul"]["message"]
    assert {row["status"] for row in rows["old-format", TILING.name].values()} == {"right"}


def test_feedback_names_the_mistake_and_shows_no_probe(graded):
    _, out, _ = graded
    for lesson in LESSONS.values():
        for probe in (p for e in lesson.exercises for p in lesson.probes(e)):
            body = [line.strip() for line in probe.source.splitlines()[1:] if len(line.strip()) > 25]
            for page in ("untouched", "mistake-0", "mistake-1"):
                text = (out / "students" / f"{page}.html").read_text()
                assert not [line for line in body if line in text]
    pages = "".join(p.read_text() for p in (out / "students").glob("mistake-*.html"))
    assert "This looks like a known mistake" in pages


def test_summary_counts_the_submissions(graded):
    rows, _, stdout = graded
    assert f"{len(rows)} submissions" in stdout


def test_same_seed_same_gradebook_and_another_seed_same_points(tmp_path):
    for name in ("solution", "wrong"):
        answers = {} if name == "solution" else {"tmul": "def tmul(a, b, t):\n    return a"}
        hand_in(tmp_path / "in", name, TILING, submission(TILING, answers))
    texts = []
    for number, seed in enumerate(("5", "5", "6")):
        assert run(tmp_path / "in", tmp_path / str(number), "--seed", seed).returncode == 0
        texts.append((tmp_path / str(number) / "gradebook.csv").read_text())
    assert texts[0] == texts[1]
    scores = [[row.split(",")[:5] for row in text.splitlines()] for text in texts]
    assert scores[0] == scores[2]


def test_missing_folder_and_unknown_lesson_are_one_clear_line(tmp_path):
    hand_in(tmp_path / "in", "anna", TILING, json.dumps({}))
    for folder, options in ((tmp_path / "none", []), (tmp_path / "in", ["--lesson", "07_gone"])):
        result = run(folder, tmp_path / "out", *options)
        assert result.returncode == 2
        assert len(result.stderr.strip().splitlines()) == 1
        assert "none" in result.stderr or "07_gone" in result.stderr


def test_without_a_cage_the_reference_is_absent_all_the_same(tmp_path):
    for name in ("reference", "reference-inside"):
        exercise, source, _ = BAD_BLANKS[name]
        hand_in(tmp_path / "in", name, TILING, submission(TILING, {exercise: source}))
    result = run(tmp_path / "in", tmp_path / "out", "--no-sandbox", "--jobs", "2")
    assert result.returncode == 0, result.stderr
    for name in ("reference", "reference-inside"):
        exercise, _, status = BAD_BLANKS[name]
        row = rows_of(tmp_path / "out")[name, TILING.name][exercise]
        assert (row["status"], row["points"]) == (status, "0"), row
