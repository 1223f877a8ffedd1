"""The referee: nbval runs the composed notebook, a probe at a time; what it returns is judged here.

A probe runs twice on the same seed: in the student's kernel on the student's function, and in this
process on the reference. The kernel never holds an expected value or an assert, and what it sends back is
data, compared here.
"""

import functools
import os
import time
import zlib
from contextlib import redirect_stdout
from queue import Empty
from typing import Any

import pytest
from nbval.plugin import IPyNbCell, IPyNbFile, NbCellError

from course.lessons import Lesson
from course.listen import MIME, GradedKernel
from course.mistakes import mistakes
from lib.cases import Case, call
from lib.check import explain, fingerprint
from lib.compare import Difference


def seed_of(probe: Case, seed: int) -> int:
    """The seed of one probe in a run."""
    return zlib.crc32(f"{seed}/{probe.exercise}/{probe.name}".encode())


def probe_cells(lesson: Lesson, seed: int) -> dict[str, str]:
    """Write the cell that runs each probe in the student's kernel.

    Returns
    -------
    dict of str to str
        Source of the cell by ``"exercise/probe"``.
    """
    cells = {}
    for exercise in lesson.exercises:
        for probe in lesson.probes(exercise):
            arguments = f"{probe.source!r}, {probe.name!r}, {exercise}, {seed_of(probe, seed)}, {probe.forbids!r}"
            cells[f"{exercise}/{probe.name}"] = (
                f"__import__('lib.cases').cases.send({arguments}, {MIME!r})  # asks; does not judge"
            )
    return cells


@functools.cache
def expected(lesson: Lesson, exercise: str, seed: int) -> dict[str, dict]:
    """What the reference answers in each probe of an exercise."""
    reference = lesson.reference(exercise)
    return {p.name: call(p.function, reference, seed_of(p, seed)) for p in lesson.probes(exercise)}


@functools.cache
def known_prints(lesson: Lesson, exercise: str, seed: int) -> dict[tuple[str, ...], str]:
    """The fingerprints that known mistakes leave in the probes, and what to say to each."""
    found: dict[tuple[str, ...], str] = {}
    for mistake in (m for m in mistakes(lesson) if m.exercise == exercise):
        results = [call(p.function, mistake.implementation, seed_of(p, seed)) for p in lesson.probes(exercise)]
        found.setdefault(tuple(fingerprint(result) for result in results), f"{mistake.name}. {mistake.hint}")
    return found


def judge(lesson: Lesson, exercise: str, name: str, result: Any, seed: int) -> dict:
    """Judge what a kernel returned for a probe.

    Returns
    -------
    dict
        ``status`` (right, wrong, not written, crashed), ``message`` and the ``fingerprint``.
    """
    probe = next(p for p in lesson.probes(exercise) if p.name == name)
    try:
        raised = result.get("raises", {})
        if raised.get("type") == "NotImplementedError" and not raised.get("message"):  # torch's own say something
            return {"status": "not written", "message": "not yet written", "print": ""}
        forbidden = [str(f) for f in result.get("forbidden", [])][:10]
        clean = {key: result[key] for key in ("value", "raises") if key in result} | {"forbidden": forbidden}
        if "raises" in clean:
            clean["raises"] = {k: str(clean["raises"].get(k, ""))[:500] for k in ("type", "message", "line")}
        lines, difference = explain(clean, expected(lesson, exercise, seed)[name], probe)
        print_ = fingerprint(clean)
    except (ValueError, AttributeError, TypeError, KeyError, LookupError, RuntimeError) as error:
        message = f"what came back is no answer: {str(error)[:200]}"
        return {"status": "wrong", "message": message, "print": ""}
    status = "wrong" if lines else "right"
    return {"status": status, "message": " ".join(lines), "print": print_, "difference": _shown(difference)}


def _shown(difference: Difference | None) -> list[str]:
    """The two values of a difference as text, where they are small enough to be read."""
    from lib.show import _text

    if difference is None:
        return []
    return ["\n".join(_text(v, difference.index)) for v in (difference.got, difference.expected)]


class GradedFile(IPyNbFile):
    """A composed notebook; ``referee`` holds the run's settings and takes the verdicts."""

    referee: "Referee"

    def setup(self) -> None:
        self.culprits: set[int] = set()  # cells that stopped a kernel, or never ended
        self.blanks_run: set[str] = set()  # exercises whose blanks ran in the present kernel
        self.spent: dict[str, float] = {}
        self.kernel = None

    def collect(self):
        for item in super().collect():
            yield GradedCell.from_parent(self, name=item.name, cell_num=item.cell_num, cell=item.cell, options={})

    def get_kernel_message(self, timeout: float | None = None, stream: str = "iopub") -> dict:
        return self.kernel.next_published(timeout or 5)

    def ready_for(self, item: "GradedCell", items: list["GradedCell"]) -> None:
        """Have a kernel in which everything that this cell needs has run: the first, or a fresh one."""
        for _ in range(3):  # a cell that stops the kernel is left out the next time
            if self.kernel is not None and self.kernel.is_alive():
                return
            self.kernel = GradedKernel(self.referee.start_kernel)
            self.blanks_run = set()
            for earlier in items[: items.index(item)]:
                kind, exercise = earlier.role["kind"], earlier.role["exercise"]
                mine = exercise == item.role["exercise"]
                needed = kind in ("setup", "added") or (mine and kind in ("given", "blank"))
                if needed and earlier.cell_num not in self.culprits and self.kernel.is_alive():
                    earlier.execute()

    def teardown(self) -> None:
        if self.kernel is not None:
            self.kernel.stop()


class GradedCell(IPyNbCell):
    """A cell of a composed notebook. Only probes are judged; a cell that stops a kernel is remembered."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.role = dict(self.cell.metadata["role"])
        self.cell.execution_count = 1
        self.options = {"check": self.role["kind"] == "probe", "skip": False, "check_exception": True}
        self.output_timeout = 2
        self.verdict: dict = {}

    def setup(self) -> None:
        """A cell that timed out says nothing about the next one, which gets a kernel of its own."""

    def runtest(self) -> None:
        file, exercise = self.parent, self.role["exercise"]
        items = [item for item in self.session.items if item.parent is file]
        if self.role["kind"] != "probe":
            file.ready_for(self, items)
            self.execute()
            return
        self.blank = next(i for i in items if i.role == self.role | {"kind": "blank", "probe": ""})
        if self.blank.cell_num in file.culprits:
            self.verdict = self.blank.verdict
        elif file.spent.get(exercise, 0) >= file.referee.exercise_seconds:
            seconds = f"{file.referee.exercise_seconds:g} s"
            self.verdict = {"status": "timed out", "message": f"the exercise took more than {seconds} in all"}
        else:
            file.ready_for(self, items)
            self.execute()
            if self.verdict["status"] not in ("right", "not written") and file.blanks_run != {exercise}:
                # Another blank may be to blame, one that patched torch or the shell: ask again without it.
                file.kernel.stop()
                file.ready_for(self, items)
                self.execute()
        self.user_properties.append(("verdict", self.role | self.verdict))
        if self.verdict["status"] != "right":
            self.raise_cell_error(self.verdict["message"])

    def execute(self) -> None:
        """Run the cell; one that stops the kernel, or does not end, is remembered and not run again."""
        exercise, begun = self.role["exercise"], time.monotonic()
        self.verdict = {}
        try:
            super().runtest()
        except NbCellError:
            pass  # what it means is in the verdict
        except (RuntimeError, Empty, OSError) as error:
            self.verdict = {"status": "crashed", "message": f"it stopped the kernel ({error})"}
        if self.parent.timed_out:
            self.parent.timed_out = False
            self.verdict = {"status": "timed out", "message": "it did not finish in time"}
        if self.verdict.get("status") in ("crashed", "timed out"):
            self.parent.culprits.add(self.cell_num)
            self.parent.kernel.stop()
        if self.role["kind"] == "blank":
            self.parent.blanks_run.add(exercise)
        if self.role["kind"] in ("blank", "probe"):
            self.parent.spent[exercise] = self.parent.spent.get(exercise, 0) + time.monotonic() - begun

    def compare_outputs(self, test, ref, skip_compare=None) -> bool:
        """Judge what a probe sent: one message, and nothing else counts."""
        sent = [o["data"][MIME] for o in test if o["output_type"] == "display_data" and MIME in o["data"]]
        errors = [o for o in test if o["output_type"] == "error"]
        if len(sent) == 1 and not errors:
            self.verdict = self.parent.referee.judge(self.role, sent[0])
        elif errors:
            own = [o for o in self.blank.test_outputs or [] if o["output_type"] == "error"]
            where, error = ("its cell", own[-1]) if own else ("it", errors[0])
            message = f"{where} raises {error.ename}: {str(error.evalue)[:300]}"
            self.verdict = {"status": "wrong", "message": message}
        else:
            message = f"{len(sent)} answers came back where one was asked for"
            self.verdict = {"status": "wrong", "message": message}
        self.comparison_traceback = [self.verdict["message"]]
        return self.verdict["status"] == "right"


class Referee:
    """The pytest plugin of one run: settings in, verdicts out.

    Parameters
    ----------
    lesson
        The lesson that is graded.
    seed
        Where the probes' numbers start.
    start_kernel
        Starts a kernel; returns its manager and its client.
    exercise_seconds
        What one exercise's cells may take in all.
    """

    def __init__(self, lesson: Lesson, seed: int, start_kernel, exercise_seconds: float) -> None:
        self.lesson, self.seed, self.start_kernel = lesson, seed, start_kernel
        self.exercise_seconds = exercise_seconds
        self.verdicts: list[dict] = []
        self.trouble = ""

    def judge(self, role: dict, result: Any) -> dict:
        return judge(self.lesson, role["exercise"], role["probe"], result, self.seed)

    def pytest_collect_file(self, file_path, parent):
        file = GradedFile.from_parent(parent, path=file_path)
        file.referee = self
        return file

    def pytest_collectreport(self, report) -> None:
        if report.failed:
            self.trouble = str(report.longrepr)

    def pytest_runtest_logreport(self, report) -> None:
        if report.when == "call":
            self.verdicts += [value for key, value in report.user_properties if key == "verdict"]


def run(notebook: os.PathLike, referee: Referee, cell_seconds: float) -> list[dict]:
    """Have nbval run a composed notebook; return the verdicts on its probes."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    options = ["-p", "nbval.plugin", "-p", "no:cacheprovider", "-p", "no:faulthandler", "-qq", "--color=no"]
    options += ["-p", "no:unraisableexception"]  # it collects garbage ten times over at the end of each run
    options += ["-c", os.devnull, "--rootdir", os.path.dirname(notebook), "--noconftest", "--capture=no"]
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        options += [f"--nbval-cell-timeout={cell_seconds}", os.fspath(notebook)]
        status = pytest.main(options, plugins=[referee])
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(f"pytest ended with {status!r}: {referee.trouble}")
    return referee.verdicts
