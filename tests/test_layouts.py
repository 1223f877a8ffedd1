"""Submissions in the layouts that instructors download are told apart; what is not clear is reported, not guessed."""

import json
import os
import stat
import zipfile

import pytest

from course import files
from course.downloads import submitters_in
from course.grade import Settings, grade, job_of
from course.layouts import batch, sort_in
from course.lessons import LESSONS

TILING, LOWERING = list(LESSONS)[:2]


def notebook(lesson=TILING, mark="", exercises=None):
    """A notebook that names a lesson's exercises and holds nothing else."""
    names = LESSONS[lesson].exercises if exercises is None else exercises
    cells = [{"cell_type": "code", "source": mark, "metadata": {"exercise": name}} for name in names]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()


def lay_out(folder, contents):
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def zipped(path, contents):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def handed_in(found):
    """Paths by student and lesson, of what can be graded."""
    return {(e.student, e.lesson): e.file.path for e in found.entries if e.file and not e.problem}


OWN = {"anna/01_tiling.ipynb": notebook(), "bert/02_lowering.ipynb": notebook(LOWERING)}
CANVAS = {
    "doejane_123_4567_01_tiling.ipynb": notebook(),
    "müllerötzi_LATE_124_4568_01_tiling-2.ipynb": notebook(),
    "smith3_125_4569_homework.ipynb": notebook(),
    "anon_Ab3dE_4570_01_tiling.ipynb": notebook(),
}
MOODLE = {
    "Jane Doe_1001_assignsubmission_file/01_tiling.ipynb": notebook(),
    "Ötzi Müller_1002_assignsubmission_file_/answers/01_tiling (1).ipynb": notebook(),
    "Ötzi Müller_1002_assignsubmission_onlinetext_/onlinetext.html": b"hello",
    "A. N. Other_1003_assignsubmission_file_01_tiling.ipynb": notebook(),
}
GRADESCOPE = {
    "submission_metadata.yml": b"""---
submission_7:
  :submitters:
  - :name: Jane Doe
    :sid: '100'
    :email: jane@example.edu
  :created_at: !ruby/object:ActiveSupport::TimeWithZone 2026-01-01
  :results:
    tests:
    - name: "a test\\n  :submitters:\\n  - :name: Somebody Else"
      output: |
        :submitters:
        - :name: Somebody Else
          :sid: '999'
submission_8:
  :submitters:
  - :name: 'Pat O''Brien'
    :sid: '101'
    :email: pat@example.edu
  - :name: "\\u00d6tzi M\\u00fcller"
    :sid:
    :email: oetzi@example.edu
  :score: 3.0
""",
    "submission_7/01_tiling.ipynb": notebook(),
    "submission_8/solution.ipynb": notebook(),
}


@pytest.mark.parametrize("as_zip", [False, True])
@pytest.mark.parametrize(
    ("layout", "contents", "wrapper", "expected"),
    [
        ("students", OWN, "", {"anna": ("", ""), "bert": ("", "")}),
        (
            "Canvas",
            CANVAS,
            "",
            {
                "doejane_123": ("123", ""),
                "müllerötzi_124": ("124", ""),
                "smith3_125": ("125", ""),
                "anon_Ab3dE": ("", ""),
            },
        ),
        ("Canvas", CANVAS, "submissions/", None),
        (
            "Moodle",
            MOODLE,
            "",
            {
                "Jane Doe_1001": ("", "1001"),
                "Ötzi Müller_1002": ("", "1002"),
                "A. N. Other_1003": ("", "1003"),
            },
        ),
        (
            "Gradescope",
            GRADESCOPE,
            "assignment_1_export/",
            {"Jane Doe_100": ("", ""), "Pat O'Brien_101": ("", ""), "Ötzi Müller_oetzi@example.edu": ("", "")},
        ),
    ],
)
def test_layouts_are_recognised(tmp_path, layout, contents, wrapper, expected, as_zip):
    contents = {wrapper + name: content for name, content in contents.items()}
    where = zipped(tmp_path / "all.zip", contents) if as_zip else lay_out(tmp_path / "all", contents)
    found = batch(where, [])
    assert found.layout == layout
    assert not found.problems
    if expected:
        assert {key: (s.canvas, s.moodle) for key, s in found.students.items()} == expected
    graded = handed_in(found)
    assert len(graded) == len(found.students)
    assert {lesson for _, lesson in graded} <= {TILING, LOWERING}
    for job in map(job_of, found.entries):
        assert job.raw is None or json.loads(job.raw)["cells"]


def test_gradescope_names_people_by_indent_and_not_by_what_a_student_printed():
    found = submitters_in(GRADESCOPE["submission_metadata.yml"].decode())
    assert found == {
        "submission_7": [{"name": "Jane Doe", "sid": "100", "email": "jane@example.edu"}],
        "submission_8": [
            {"name": "Pat O'Brien", "sid": "101", "email": "pat@example.edu"},
            {"name": "Ötzi Müller", "sid": "", "email": "oetzi@example.edu"},
        ],
    }


def test_members_of_a_group_share_a_submission(tmp_path):
    found = batch(lay_out(tmp_path, GRADESCOPE), [])
    groups = {student.name: student.group for student in found.students.values()}
    assert groups == {"Jane Doe": "", "Pat O'Brien": "submission_8", "Ötzi Müller": "submission_8"}
    assert len({path for (key, _), path in handed_in(found).items() if not key.startswith("Jane")}) == 1


@pytest.mark.parametrize(
    "name", ["01_tiling.ipynb", "01_tiling (1).ipynb", "01_tiling-2.ipynb", "01_Tiling-Copy1.ipynb", "my work.ipynb"]
)
def test_a_lesson_is_known_by_name_or_cells(tmp_path, name):
    found = batch(lay_out(tmp_path, {f"anna/{name}": notebook()}), [])
    assert handed_in(found) == {("anna", TILING): f"anna/{name}"}


@pytest.mark.parametrize("name", ["01_tilings.ipynb", "101_tiling.ipynb", "01_tiling_final.ipynb"])
def test_another_name_is_no_lesson_without_its_cells(tmp_path, name):
    found = batch(lay_out(tmp_path, OWN | {f"cleo/{name}": notebook(exercises=[])}), [])
    assert ("cleo", TILING) not in handed_in(found)
    assert [(p.student, p.file) for p in found.problems] == [("cleo", f"cleo/{name}")]


def test_two_files_of_a_lesson_are_reported_and_not_graded(tmp_path):
    contents = {
        "anna/01_tiling.ipynb": notebook(mark="a"),
        "anna/01_tiling (1).ipynb": notebook(mark="b"),
        "bert/01_tiling.ipynb": notebook(mark="c"),
        "bert/old/01_tiling.ipynb": notebook(mark="c"),
    }
    found = batch(lay_out(tmp_path, contents), [])
    assert list(handed_in(found)) == [("bert", TILING)]  # the same bytes twice leave nothing to guess
    assert [p.student for p in found.problems] == ["anna"]
    anna = next(job for job in map(job_of, found.entries) if job.student == "anna")
    result = grade(anna, Settings(seed=1))
    assert {e["status"] for e in result["exercises"]} == {"ambiguous"}
    assert all("01_tiling (1).ipynb" in e["message"] for e in result["exercises"])
    assert sum(e["points"] for e in result["exercises"]) == 0


def test_a_notebook_of_several_lessons_is_reported(tmp_path):
    mixed = notebook(exercises=[LESSONS[TILING].exercises[0], LESSONS[LOWERING].exercises[0]])
    found = batch(lay_out(tmp_path, OWN | {"cleo/all.ipynb": mixed}), [])
    assert [(p.student, "several" in p.message) for p in found.problems] == [("cleo", True)]


def test_odd_files_are_reported(tmp_path):
    odd = {"cleo/work.zip": b"PK", "stray.ipynb": notebook(), "cleo/broken.ipynb": b"{", "cleo/notes.txt": b"x"}
    found = batch(lay_out(tmp_path, OWN | odd), [])
    assert {p.file for p in found.problems} == {"cleo/work.zip", "stray.ipynb", "cleo/broken.ipynb"}
    assert "cleo" in found.students


def test_only_the_lessons_asked_for(tmp_path):
    found = batch(lay_out(tmp_path, OWN), ["lowering"])
    assert handed_in(found) == {("bert", LOWERING): "bert/02_lowering.ipynb"}
    assert [(e.student, e.lesson) for e in found.entries] == [("anna", LOWERING), ("bert", LOWERING)]
    with pytest.raises(KeyError, match="07_gone"):
        batch(tmp_path, ["07_gone"])


def test_links_are_not_followed(tmp_path):
    secret = tmp_path / "secret.ipynb"
    secret.write_bytes(notebook(mark="secret"))
    folder = lay_out(tmp_path / "in", OWN)
    (folder / "anna" / "01_tiling.ipynb").unlink()
    (folder / "anna" / "01_tiling.ipynb").symlink_to(secret)
    (folder / "mallory").symlink_to(tmp_path, target_is_directory=True)
    found = batch(folder, [])
    assert all(b"secret" not in (job.raw or b"") for job in map(job_of, found.entries))
    assert {(p.student, p.message) for p in found.problems} == {("anna", files.LINK), ("", files.LINK)}
    late = files.tree(folder).files[-1]  # a file that becomes a link after it was listed
    (folder / late.path).unlink()
    (folder / late.path).symlink_to(secret)
    with pytest.raises(OSError):
        late.read()


def test_nothing_in_a_zip_leads_out_of_it(tmp_path):
    path = zipped(tmp_path / "in.zip", OWN | {"../../evil.ipynb": notebook(), "/abs/01_tiling.ipynb": notebook()})
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("mallory/01_tiling.ipynb")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, os.fspath(tmp_path / "secret"))
    before = sorted(tmp_path.rglob("*"))
    found = batch(path, [])
    jobs = list(map(job_of, found.entries))
    assert sorted(tmp_path.rglob("*")) == before
    assert set(found.students) == {"anna", "bert", "mallory"}
    assert {p.file for p in found.problems} == {"../../evil.ipynb", "/abs/01_tiling.ipynb", TILING}
    assert next(job for job in jobs if job.student == "mallory" and job.lesson == TILING).raw is None


def test_a_zip_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_BYTES", 1000)
    bomb = zipped(tmp_path / "in.zip", OWN | {"mallory/01_tiling.ipynb": b"0" * 100_000})
    found = batch(bomb, [])
    assert [p.student for p in found.problems] == ["mallory"]
    monkeypatch.setattr(files, "MAX_TOTAL", 10_000)
    with pytest.raises(ValueError, match="in all"):
        batch(bomb, [])
    monkeypatch.setattr(files, "MAX_FILES", 2)
    with pytest.raises(ValueError, match="more than 2 files"):
        batch(bomb, [])


def test_a_zip_that_lies_about_a_size_gives_no_more_than_it_said(tmp_path):
    content = notebook()
    path = zipped(tmp_path / "in.zip", {"anna/01_tiling.ipynb": content})
    raw = path.read_bytes()
    path.write_bytes(raw.replace(len(content).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    assert all(job.problem for job in map(job_of, batch(path, []).entries))


def test_names_in_a_zip_that_stand_twice_are_reported(tmp_path):
    path = zipped(tmp_path / "in.zip", OWN)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("anna/01_tiling.ipynb", notebook(mark="again"))
    assert [p.student for p in batch(path, []).problems] == ["anna"]


def test_keys_name_files_and_belong_to_one_student_each(tmp_path):
    contents = {
        f"class/{name}/01_tiling.ipynb": notebook()
        for name in ("a:b", "a?b", "=HYPERLINK(1)", "A_B", "x\ny", "界" * 80)
    }
    found = batch(zipped(tmp_path / "class.zip", contents), [])
    assert len({key.casefold() for key in found.students}) == len(contents)
    assert not [key for key in found.students if set(key) & set('/\\:?*"<>|\n') or len(key.encode()) > 200]
    assert len(handed_in(found)) == len(contents)


def test_a_damaged_or_missing_zip_is_one_clear_error(tmp_path):
    (tmp_path / "in.zip").write_bytes(zipped(tmp_path / "good.zip", OWN).read_bytes()[:-30])
    for name in ("in.zip", "none.zip"):
        with pytest.raises(FileNotFoundError, match=name):
            batch(tmp_path / name, [])


def test_files_of_one_student_are_sorted_in(tmp_path):
    lay_out(tmp_path, {"01_tiling.ipynb": notebook(), "sub/other.ipynb": notebook(LOWERING)})
    lessons, odd = sort_in(list(files.tree(tmp_path).files))
    assert {name: [f.path for f in found] for name, found in lessons.items()} == {
        TILING: ["01_tiling.ipynb"],
        LOWERING: ["sub/other.ipynb"],
    }
    assert not odd
