"""The referee: nbval runs the composed notebook, a probe at a time; what it returns is judged in this process."""

import os
from contextlib import redirect_stdout
from queue import Empty
from typing import Any

import pytest
from nbval.plugin import IPyNbCell, IPyNbFile, NbCellError

from course.lessons import Lesson
from course.listen import MIME, GradedKernel
from course.verdict import judge


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
            self.teardown()
            self.kernel = self._fresh_kernel()
            self.blanks_run = set()
            for earlier in items[: items.index(item)]:
                kind, exercise = earlier.role["kind"], earlier.role["exercise"]
                mine = exercise == item.role["exercise"]
                needed = kind in ("setup", "added") or (mine and kind in ("given", "blank"))
                if needed and not earlier.left_out() and self.kernel.is_alive():
                    earlier.execute()

    def _fresh_kernel(self) -> GradedKernel:
        for last in (False, True):
            try:
                return GradedKernel(self.referee.start_kernel)
            except Exception as error:
                if last:  # that is no student's doing: give the submission up rather than call it wrong
                    self.referee.trouble = f"no kernel could be started: {error}"
                    pytest.exit(self.referee.trouble, pytest.ExitCode.INTERNAL_ERROR)

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
            if not self.left_out():
                self.attempt(items)
            return
        self.blank = next(i for i in items if i.role == self.role | {"kind": "blank", "probe": ""})
        if self.blank.left_out():
            self.verdict = self.blank.verdict
        elif file.spent.get(exercise, 0) >= file.referee.exercise_seconds:
            seconds = f"{file.referee.exercise_seconds:g} s"
            self.verdict = {"status": "timed out", "message": f"the exercise took more than {seconds} in all"}
        else:
            self.attempt(items)
        self.user_properties.append(("verdict", self.role | self.verdict))
        if self.verdict["status"] != "right":
            self.raise_cell_error(self.verdict["message"])

    def left_out(self) -> bool:
        """Whether the cell is not to be run again."""
        file = self.parent
        tired = file.spent.get("", 0) >= 3 * file.referee.exercise_seconds
        return self.cell_num in file.culprits or (self.role["kind"] == "added" and tired)

    def attempt(self, items: list["GradedCell"]) -> None:
        """Run the cell, and if it fails once more without the other exercises' blanks.

        One of them may be to blame: it patched torch or the shell, or left a thread that ends the kernel.
        """
        file, exercise = self.parent, self.role["exercise"]
        file.ready_for(self, items)
        others, spent = file.blanks_run - {exercise}, dict(file.spent)
        self.execute()
        status = self.verdict.get("status", "right")
        honest = status == "not written" and "NotImplementedError" in self.blank.cell.source
        if others and status != "right" and not honest:
            file.culprits.discard(self.cell_num)
            file.spent = spent
            file.teardown()
            file.ready_for(self, items)
            self.execute()

    def execute(self) -> None:
        """Run the cell; one that stops the kernel, or does not end, is remembered and not run again."""
        file, kind, exercise = self.parent, self.role["kind"], self.role["exercise"]
        self.verdict = {}
        try:
            super().runtest()
        except NbCellError:
            pass  # what it means is in the verdict
        except (RuntimeError, Empty, OSError) as error:
            self.verdict = {"status": "crashed", "message": f"it stopped the kernel ({error})"}
        if file.timed_out:
            file.timed_out = False
            self.verdict = {"status": "timed out", "message": "it did not finish in time"}
        if self.verdict.get("status") in ("crashed", "timed out"):
            if kind in ("added", "blank", "probe"):
                file.culprits.add(self.cell_num)
            file.teardown()
        if kind == "blank":
            file.blanks_run.add(exercise)
        if kind in ("added", "blank", "probe"):
            account = "" if kind == "added" else exercise
            file.spent[account] = file.spent.get(account, 0) + file.kernel.took

    def compare_outputs(self, test, ref, skip_compare=None) -> bool:
        """Judge what a probe sent: one message, and nothing else counts."""
        sent = [o["data"][MIME] for o in test if o["output_type"] == "display_data" and MIME in o["data"]]
        errors = [o for o in test if o["output_type"] == "error"]
        if len(sent) == 1 and not errors:
            self.verdict = self.parent.referee.judge(self.role, sent[0])
        elif errors:
            own = [o for o in self.blank.test_outputs or [] if o["output_type"] == "error"]
            where, error = ("its cell", own[-1]) if own else ("it", errors[0])
            message = f"{where} raises {error.ename[:100]}: {error.evalue[:300]}"
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
        found = [value for key, value in report.user_properties if key == "verdict"]
        if report.when == "call":
            self.verdicts += found
        if report.failed and not found:  # the grader's own defect
            self.trouble = str(report.longrepr)


def run(notebook: os.PathLike, referee: Referee, cell_seconds: float) -> list[dict]:
    """Have nbval run a composed notebook; return the verdicts on its probes."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    options = ["-p", "nbval.plugin", "-p", "no:cacheprovider", "-p", "no:faulthandler", "-qq", "--color=no"]
    options += ["-p", "no:unraisableexception"]  # it collects garbage ten times over at the end of each run
    options += ["-c", os.devnull, "--rootdir", os.path.dirname(notebook), "--noconftest", "--capture=no"]
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        options += [f"--nbval-cell-timeout={cell_seconds}", os.fspath(notebook)]
        status = pytest.main(options, plugins=[referee])
    if referee.trouble or status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(f"pytest ended with {status!r}: {referee.trouble}")
    return referee.verdicts
