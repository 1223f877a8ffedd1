"""Hostile and broken submissions, each between two good ones: nobody gains a point, nobody else loses one."""

import csv
import json
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict

import pytest

from course import cage
from course.lessons import ROOT
from tests.submissions import hand_in
from tests.tampering import CASES as KERNEL_CASES
from tests.tampering import THREE, TILING, Entry, handed_in
from tests.tampering_notebooks import NOTEBOOKS

pytestmark = pytest.mark.skipif(cage.available() is None, reason=f"no cage here: {cage.status()[1]}")
CASES = KERNEL_CASES | NOTEBOOKS
GOOD = Entry({})
CELL_SECONDS = 2


class Outside:
    """What a submission must not reach: files, and two listening sockets."""

    def __init__(self, folder):
        self.folder = folder / "outside"
        self.folder.mkdir()
        self.bait = self.folder / "gradebook.csv"
        self.bait.write_text("secret")
        self.visits = []
        self.network = socket.create_server(("127.0.0.1", 0))
        self.local = socket.socket(socket.AF_UNIX)
        self.local.bind(str(folder / "s"))
        self.local.listen()
        for listening in (self.network, self.local):
            threading.Thread(target=self._listen, args=(listening,), daemon=True).start()
        self.words = {
            "@OUTSIDE@": str(self.folder / "new"),
            "@BAIT@": str(self.bait),
            "@FOLDER@": str(self.folder),
            "@ROOT@": str(ROOT),
            "@SOCKET@": str(folder / "s"),
            "@PORT@": str(self.network.getsockname()[1]),
        }

    def _listen(self, listening):
        while True:
            self.visits.append(listening.accept())

    def named(self, entry):
        """The entry with the real names in place of the words between @ signs."""
        if not isinstance(entry.content, dict):
            return entry
        content = dict(entry.content)
        for word, name in self.words.items():
            content = {exercise: source.replace(word, name) for exercise, source in content.items()}
        return Entry(content, entry.status, entry.keep)


class Run:
    """One run over all the cases, and what came of it."""

    def __init__(self, folder):
        self.outside = Outside(folder)
        submissions, self.out = folder / "in", folder / "out"
        students = {"000-good": GOOD}
        for number, (name, entry) in enumerate(CASES.items()):
            students[f"{2 * number + 1:03d}-{name}"] = self.outside.named(entry)
            students[f"{2 * number + 2:03d}-good"] = GOOD
        for student, entry in students.items():
            hand_in(submissions, student, TILING, handed_in(entry))
        before = {path: path.read_bytes() for path in submissions.rglob("*") if path.is_file()}
        command = [sys.executable, "-m", "course.cli", "grade", submissions, "--out", self.out, "--lesson", TILING.name]
        command += ["--seed", "7", "--jobs", "2", "--cell-seconds", CELL_SECONDS, "--exercise-seconds", CELL_SECONDS]
        begun = time.monotonic()
        self.result = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=1200, cwd=ROOT)
        self.seconds = time.monotonic() - begun
        self.unchanged = before == {path: path.read_bytes() for path in submissions.rglob("*") if path.is_file()}
        self.rows = defaultdict(dict)
        if self.result.returncode == 0:
            with (self.out / "gradebook.csv").open(newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    self.rows[row["student"].split("-", 1)[1]].setdefault(row["exercise"], []).append(row)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    done = Run(tmp_path_factory.mktemp("tamper"))
    assert done.result.returncode == 0, done.result.stderr
    return done


@pytest.mark.parametrize("name", CASES)
def test_it_costs_its_own_points_and_no_others(run, name):
    entry = CASES[name]
    for exercise in entry.keep:
        (row,) = run.rows[name][exercise]
        if exercise in entry.status:
            assert row["points"] == "0", row
            assert row["status"] in entry.status[exercise] and row["status"], row
        else:
            assert (row["status"], row["points"]) == ("right", row["max_points"]), row


def test_the_good_ones_between_them_keep_every_point(run):
    assert len(run.rows["good"]["tmul"]) == len(CASES) + 1
    for exercise in THREE:
        for row in run.rows["good"][exercise]:
            assert (row["status"], row["points"]) == ("right", row["max_points"]), row


def test_what_lies_outside_is_as_it_was(run):
    assert run.unchanged
    assert [path.name for path in run.outside.folder.iterdir()] == ["gradebook.csv"]
    assert run.outside.bait.read_text() == "secret"
    assert run.outside.visits == []


def test_it_ends_in_time(run):
    # Whatever a submission does, it may use its limit in each of its exercises and in each of its added cells.
    assert run.seconds < len(CASES) * len(THREE) * 2 * CELL_SECONDS


def test_nobody_is_told_a_check_a_seed_or_a_secret(run):
    told = [
        path.read_text(encoding="utf-8") for path in run.out.rglob("*") if path.suffix in (".html", ".csv", ".json")
    ]
    lines = {
        line.strip()
        for exercise in TILING.exercises
        for probe in TILING.probes(exercise)
        for line in probe.source.splitlines()[1:]
        if len(line.strip()) > 25
    }
    for text in told:
        assert not [line for line in lines if line in text or json.dumps(line)[1:-1] in text]
        assert "secret" not in text
