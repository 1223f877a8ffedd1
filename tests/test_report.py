"""What a run writes: pages, the class report, and files that other systems import."""

import csv
import inspect
import json
import re
from html.parser import HTMLParser

import pytest

from course.class_report import class_page
from course.cli import main
from course.downloads import Problem, Student
from course.exports import VISIBILITIES, gradescope_results, harmless, write_csv
from course.files import tree
from course.grade import write_gradebook
from course.layouts import Batch, Entry, batch
from course.lessons import LESSONS, ROOT
from course.report import page, write_reports
from course.review import ALIKE, CALLS, FILES, FORBIDDEN, SAID, TAMPERING, UNUSUAL, reaches, shipped, signs
from course.similar import alike, runs
from lib.cases import Case
from lib.check import explain
from lib.values import encode
from tests.test_layouts import lay_out, zipped

TILING = LESSONS["01_tiling"]
ODD = "<script>alert(1)</script>&\"'"
LONG = """def tile_traffic(m, k, n, t):
    rows = -(-m // t)
    columns = -(-n // t)
    if min(m, k, n, t) < 1:
        raise ValueError("sides and tiles are at least 1")
    words = m * k * columns + k * n * rows
    return words + m * n
"""


def check(status="right", message="", points=2, **more):
    got = points if status == "right" else 0
    return {"title": "a check", "points": got, "max_points": points, "status": status, "message": message, **more}


def exercise(name, *checks, status="right", message="", mistake="", note=""):
    points, worth = (sum(c[key] for c in checks) for key in ("points", "max_points"))
    told = {"exercise": name, "points": points, "max_points": worth if checks else 3, "status": status}
    return told | {"message": message, "mistake": mistake, "note": note, "checks": list(checks)}


def result(student, **answers):
    """A result in which every exercise is right but those that are given."""
    exercises = [answers.get(name) or exercise(name, check()) for name in TILING.exercises]
    return {"student": student, "lesson": TILING.name, "exercises": exercises}


def wrong(message="value: yours[0, 0] is 1, expected 2", **more):
    values = {"yours": "[1] 2\n 3  4", "expected": "[2] 2\n 3  4"}
    return check("wrong", message, **values, **more)


RESULTS = [
    result("anna"),
    result(
        "bert",
        tmul=exercise("tmul", check(), wrong(), status="partial", mistake="nothing is refused. Look at the sides."),
        mmul_tiling=exercise("mmul_tiling", check("not written", "not yet written"), status="not written"),
    ),
    result("cleo", tmul=exercise("tmul", wrong(ODD), status="wrong", note=ODD)),
    {
        "student": "dora",
        "lesson": TILING.name,
        "exercises": [exercise(n, status="missing", message="no notebook was handed in") for n in TILING.exercises],
    },
]


def made(students, sources=None, folder=None, **more):
    """A batch of students; those with sources have notebooks."""
    found = Batch("students", {key: Student(key, key, **more.get(key, {})) for key in students})
    for key, cells in (sources or {}).items():
        nb = {
            "cells": [
                {"cell_type": "code", "source": text, "metadata": {"exercise": name}} for name, text in cells.items()
            ]
        }
        lay_out(folder, {f"{key}/{TILING.name}.ipynb": json.dumps(nb).encode()})
    files = {f.path.split("/")[0]: f for f in (tree(folder).files if folder else ())}
    found.entries = [Entry(key, TILING.name, files.get(key)) for key in students]
    return found


class Page(HTMLParser):
    """Collects the tags of a page, and proves that they nest."""

    VOID = frozenset({"meta", "br", "rect", "line"})

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID and tag != "p":
            while self.open[-1] == "p":
                self.open.pop()
            assert self.open.pop() == tag
        elif tag == "p":
            assert self.open.pop() == "p"

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize(
    "make", [lambda: page(ODD, RESULTS), lambda: class_page(RESULTS, made(["anna", "bert", "cleo", "dora"]))]
)
def test_pages_are_whole_and_self_contained(make):
    text = make()
    found = Page(text)
    tags = [tag for tag, _ in found.tags]
    assert not {"script", "link", "img", "iframe", "object"} & set(tags)
    assert not re.search(r"url\(|@import|https?://", text)
    assert not [name for _, attrs in found.tags for name in attrs if name.startswith("on")]
    assert {"title", "h1", "main"} <= set(tags) and ("html", {"lang": "en"}) in found.tags
    assert "color-scheme: light dark" in text and "@media print" in text
    sizes = re.findall(r"font(?:-size)?: (\d+)px", text)
    assert sizes and min(map(int, sizes)) >= 14
    assert all(attrs.get("aria-label") for tag, attrs in found.tags if tag == "svg")


def test_page_says_what_was_wrong_and_names_the_mistake():
    found = Page(page("Bert", RESULTS[1:2]))
    for text in ("partly right", "2 of 4 points", "nothing is refused", "Look at the sides.", "yours[0, 0] is 1"):
        assert text in found.text
    assert "[1] 2\n 3  4" in found.text and "[2] 2\n 3  4" in found.text
    assert "not yet written" in found.text


def test_page_shows_values_that_say_more_than_the_message():
    told = check("wrong", "value: yours 2, expected 6", yours="2", expected="6")
    assert "<pre>" not in page("a", [result("a", tmul=exercise("tmul", told, status="wrong"))])


# Gradescope's form, from "Autograder Specifications": keys, their types, and where a value is one of a few.
FORMATS = {"text", "html", "simple_format", "md", "ansi"}
NUMBER = (int, float)
FORM = {
    **{"score": NUMBER, "execution_time": int, "output": str, "output_format": FORMATS, "test_output_format": FORMATS},
    **{"test_name_format": FORMATS, "visibility": set(VISIBILITIES), "stdout_visibility": set(VISIBILITIES)},
    **{"extra_data": dict, "tests": list, "leaderboard": list},
}
TEST = {
    **{"score": NUMBER, "max_score": NUMBER, "status": {"passed", "failed"}, "name": str, "name_format": FORMATS},
    **{"number": str, "output": str, "output_format": FORMATS, "tags": list, "visibility": set(VISIBILITIES)},
    **{"extra_data": dict},
}


def assert_valid(content):
    """Prove that a ``results.json`` has the form that Gradescope publishes."""
    for form, part in [(FORM, content), *((TEST, test) for test in content["tests"])]:
        assert set(part) <= set(form)
        for key, value in part.items():
            one_of = form[key]
            assert value in one_of if isinstance(one_of, set) else isinstance(value, one_of), (key, value)
    assert set(VISIBILITIES) == {"hidden", "after_due_date", "after_published", "visible"}
    assert "score" in content or all("score" in test for test in content["tests"])
    assert content["score"] == sum(test["score"] for test in content["tests"])
    assert all(0 <= test["score"] <= test["max_score"] for test in content["tests"])
    return content


@pytest.mark.parametrize("number", range(len(RESULTS)))
def test_results_json_is_what_gradescope_publishes(number):
    one = RESULTS[number]
    content = assert_valid(json.loads(json.dumps(gradescope_results([one], "after_published"))))
    assert content["score"] == sum(e["points"] for e in one["exercises"])
    assert sum(t["max_score"] for t in content["tests"]) == sum(e["max_points"] for e in one["exercises"])
    assert all(test["status"] == "failed" for test in content["tests"] if test["score"] < test["max_score"])
    assert len({test["number"] for test in content["tests"]}) == len(content["tests"])


def test_results_json_names_the_mistake_once_and_shows_the_values():
    first = gradescope_results(RESULTS[1:2])["tests"][1]
    assert first["name"] == "tmul: a check" and first["status"] == "failed"
    for text in ("nothing is refused", "Look at the sides.", "yours:\n[1] 2", "expected:\n[2] 2"):
        assert text in first["output"]


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", '=HYPERLINK("x","y")']
)
def test_no_text_becomes_a_formula(tmp_path, text):
    write_csv(tmp_path / "a.csv", [[text, 5, "", "plain", "a=b"]])
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        assert next(csv.reader(file)) == [f"'{text}", "5", "", "plain", "a=b"]
    assert harmless(-3) == -3 and harmless("-") == "-"
    write_gradebook([result(text)], tmp_path / "b.csv")
    with (tmp_path / "b.csv").open(newline="", encoding="utf-8") as file:
        assert {row["student"] for row in csv.DictReader(file)} == {f"'{text}"}


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_wide_csvs_have_the_columns_that_canvas_and_moodle_import(tmp_path):
    who = {
        "anna": {"canvas": "11", "moodle": "21"},
        "bert": {"sid": "31", "email": "bert@example.edu"},
    }
    found = made(["anna", "bert", "cleo", "dora"], **who)
    found.layout = "Canvas"
    write_reports(RESULTS, found, tmp_path)
    worth = sum(e["max_points"] for e in RESULTS[-1]["exercises"])
    points = {r["student"]: str(sum(e["points"] for e in r["exercises"])) for r in RESULTS}
    canvas = rows_of(tmp_path / "canvas.csv")
    assert canvas[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", TILING.name]
    assert canvas[1] == ["    Points Possible", "", "", "", "", str(worth)]
    assert canvas[2] == ["anna", "11", "", "", "", points["anna"]]
    assert canvas[3] == ["bert", "", "31", "bert@example.edu", "", points["bert"]]
    assert canvas[5][-1] == ""  # what nobody handed in is not graded here
    moodle = rows_of(tmp_path / "moodle.csv")
    assert moodle[0] == ["Identifier", "Full name", "ID number", "Email address", TILING.name]
    assert [row[-1] for row in moodle[1:]] == [points["anna"], points["bert"], points["cleo"], "-"]
    sheet = rows_of(tmp_path / f"moodle_{TILING.name}.csv")
    assert sheet[0] == ["Identifier", "Full name", "Grade", "Maximum grade", "Last modified (grade)"]
    assert sheet[1:] == [["Participant 21", "anna", points["anna"], str(worth), "-"]]
    for key in found.students:
        assert (tmp_path / "students" / f"{key}.html").exists()
        assert_valid(json.loads((tmp_path / "students" / f"{key}.json").read_text(encoding="utf-8")))


def test_pages_show_names_as_the_platform_gives_them(tmp_path):
    folder = lay_out(tmp_path / "in", {"Jane Doe_7_assignsubmission_file/01_tiling.ipynb": b'{"cells": []}'})
    found = batch(folder, [])
    write_reports([result("Jane Doe_7")], found, tmp_path)
    assert "<h1>Jane Doe</h1>" in (tmp_path / "students" / "Jane Doe_7.html").read_text(encoding="utf-8")


def test_class_report_counts_points_checks_and_mistakes():
    found = Page(class_page(RESULTS, made(["anna", "bert", "cleo", "dora"])))
    assert "3 of 4 notebooks graded" in found.text
    links = {attrs["href"] for tag, attrs in found.tags if tag == "a"}
    assert links == {f"students/{name}.html" for name in ("anna", "bert", "cleo", "dora")}
    assert "nothing is refused" in found.text
    labels = [attrs["aria-label"] for tag, attrs in found.tags if tag == "svg"]
    assert "1 from 90 to 100 percent" in labels[0] or "from 90 to 100 percent" in labels[0]
    assert "tmul: 1 right, 1 partial, 1 wrong" in labels[1]
    assert "tmul: a check: 2 of 4" in labels[2]


def test_signs_of_tampering_and_forbidden_calls_are_listed(tmp_path):
    crash = exercise("tmul", check("crashed", "it stopped the kernel (the kernel died)"), status="crashed")
    twice = exercise("tmul", check("wrong", "2 answers came back where one was asked for"), status="wrong")
    calls = exercise("tmul", wrong("It calls F.unfold, which does this exercise for you."), status="wrong")
    slow = exercise("tmul", check("timed out", "it did not finish in time"), status="timed out")
    noted = exercise("tmul", check(), note="Two cells are marked as this exercise; the last one was graded.")
    given = {"crash": crash, "twice": twice, "calls": calls, "slow": slow, "noted": noted}
    sources = {
        "retagged": {"tmul": LONG},
        "reach": {"tmul": "import os\ntorch.allclose = None\n\ndef tmul(a, b, t):\n    return get_ipython()"},
    }
    found = made([*given, "fine", *sources], sources, tmp_path)
    found.problems.append(Problem("fine", "x.zip", "it is an archive, and was not opened"))
    results = [result(key, tmul=one) for key, one in given.items()]
    results += [result(key) for key in ("fine", *sources)]
    seen = {(sign.kind, name): sign.why for sign in signs(results, found) for name in sign.students}
    assert {name for kind, name in seen if kind == TAMPERING} == {"crash", "twice", "noted", "retagged"}
    assert seen[CALLS, "calls"] == "F.unfold"
    assert "imports os" in seen[UNUSUAL, "reach"] and "patches torch.allclose" in seen[UNUSUAL, "reach"]
    assert {name for kind, name in seen if kind == FILES} == {"fine"}
    assert not [key for key in seen if key[1] == "slow"]


def test_signs_are_what_the_referee_says():
    said = "".join((ROOT / "course" / f"{name}.py").read_text(encoding="utf-8") for name in ("referee", "verdict"))
    assert all(phrase in said for phrase in (*SAID, "answers came back where one was asked for"))
    one = Case("tmul", "a check", lambda tmul: None, 1, ("aten.im2col",), {})
    lines, _ = explain({"value": encode(None), "forbidden": ["aten.im2col"]}, {"value": encode(None)}, one)
    assert FORBIDDEN.findall(lines[0]) == ["F.unfold"]


def test_work_that_the_grader_lost_is_no_zero(tmp_path):
    lost = [exercise(n, status="crashed", message="not graded: its worker died") for n in TILING.exercises]
    results = [{"student": "anna", "lesson": TILING.name, "exercises": lost, "lost": True}]
    found = made(["anna"])
    write_reports(results, found, tmp_path)
    assert rows_of(tmp_path / "canvas.csv")[2][-1] == ""
    assert FILES in {sign.kind for sign in signs(results, found)}


def test_what_the_lesson_itself_uses_is_no_sign():
    for lesson in LESSONS.values():
        for name in lesson.exercises:
            source = inspect.getsource(lesson.reference(name))
            assert not reaches(source) - reaches(shipped(lesson.name)[name]), name
    assert reaches("def f(:") == set() == reaches("import torch, math\nx.y = torch.randn(2).grad")


def test_near_identical_answers_are_found_and_common_ones_are_not(tmp_path):
    def variant(number):
        return f"def tile_traffic(m, k, n, t):\n    a{number} = [m // t for x{number} in range({number})]\n" + "".join(
            f"    b{number}_{i} = a{number}[{i}] * {number + i} + len(a{number}) - k{i % 3}\n" for i in range(5)
        )

    copied = LONG.replace("rows = -(-m // t)", "# mine\n    rows = -(-m  //  t)")
    sources = {"anna": {"tile_traffic": LONG}, "bert": {"tile_traffic": copied}}
    sources |= {f"s{n}": {"tile_traffic": variant(n)} for n in range(12)}
    found = made(sources, sources, tmp_path / "a")
    same = [sign for sign in signs([], found) if sign.kind == ALIKE]
    assert [sign.students for sign in same] == [("anna", "bert")]
    assert "tile_traffic (100%)" in same[0].why
    grouped = made(sources, sources, tmp_path / "b", anna={"group": "g"}, bert={"group": "g"})
    assert not [sign for sign in signs([], grouped) if sign.kind == ALIKE]
    common = {f"s{n}": {"tile_traffic": LONG} for n in range(15)}
    assert not [sign for sign in signs([], made(common, common, tmp_path / "c")) if sign.kind == ALIKE]


def test_short_answers_and_the_shipped_blank_are_never_alike():
    shipped = "def f(a):\n    '''Say it.'''\n    # TODO: it\n    raise NotImplementedError"
    assert not runs("def f(a):\n    return a + 1", shipped)
    assert not runs(LONG, LONG)
    assert not runs("def f(:", shipped)
    answers = {name: runs(LONG, shipped) for name in ("anna", "bert")}
    assert alike(answers) == [("anna", "bert", 1.0)]


def test_a_download_goes_from_zip_to_all_files(tmp_path, capsys):
    folders = {"Jane Doe_7": b"{", "=Joe_8": b"[]"}
    contents = {f"{who}_assignsubmission_file/{TILING.name}.ipynb": raw for who, raw in folders.items()}
    where = zipped(tmp_path / "moodle.zip", contents)
    assert main(["grade", str(where), "--out", str(tmp_path / "out"), "--jobs", "1", "--no-sandbox"]) == 0
    assert "2 students, 2 submissions" in capsys.readouterr().out
    made_of = {path.name for path in (tmp_path / "out").rglob("*") if path.parent.name != "results"}
    assert made_of >= {"gradebook.csv", "canvas.csv", "moodle.csv", f"moodle_{TILING.name}.csv", "class.html"}
    assert made_of >= {f"{who}.{kind}" for who in folders for kind in ("html", "json")}
    assert {row[0] for row in rows_of(tmp_path / "out" / "gradebook.csv")} == {"student", "Jane Doe_7", "'=Joe_8"}
    sheet = rows_of(tmp_path / "out" / f"moodle_{TILING.name}.csv")
    assert [row[:3] for row in sheet[1:]] == [["Participant 8", "'=Joe", "0"], ["Participant 7", "Jane Doe", "0"]]
