"""Grading: one submission is one pure job, bytes in, plain data out; a run is many of them."""

import atexit
import csv
import functools
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import nbformat

from course import compose, lessons
from course.layouts import Entry, batch
from course.pool import run_local, run_on_dask
from course.store import Store, key_of

COLUMNS = ("student", "lesson", "exercise", "points", "max_points", "status", "message")


@dataclass(frozen=True)
class Settings:
    """What is the same for every submission of a run.

    Attributes
    ----------
    seed : int
        Where the probes' numbers start.
    caged : bool
        Whether submissions run in a cage; without one they may do whatever the caller may.
    cell_seconds, exercise_seconds : float
        Limits for one cell, and for all the cells of one exercise.
    user : int, optional
        The user, by number, as whom root runs submissions without a cage.
    """

    seed: int | None = None
    caged: bool = True
    cell_seconds: float = 10.0
    exercise_seconds: float = 20.0
    user: int | None = None


@dataclass(frozen=True)
class Job:
    """One submission: whose, for which lesson, its bytes (``None`` for none), and what keeps it from being graded."""

    student: str
    lesson: str
    raw: bytes | None
    problem: str = ""


def job_of(entry: Entry) -> Job:
    """The submission of an entry, read; where it cannot be, that is its problem."""
    if entry.problem or entry.file is None:
        return Job(entry.student, entry.lesson, None, entry.problem)
    try:
        return Job(entry.student, entry.lesson, entry.file.read())
    except OSError as error:
        return Job(entry.student, entry.lesson, None, f"{entry.file.path} cannot be read: {error}")


def grade(job: Job, settings: Settings) -> dict:
    """Grade one submission.

    Returns
    -------
    dict
        ``student``, ``lesson`` and ``exercises``: for each a dict of ``exercise``, ``points``,
        ``max_points``, ``status``, ``message``, and ``checks`` with their titles and verdicts.
    """
    lesson = lessons.LESSONS[job.lesson]
    exercises = [_ungraded(lesson, name, "missing", "no cell is marked as this exercise") for name in lesson.exercises]
    if job.problem:
        exercises = [_ungraded(lesson, name, "ambiguous", job.problem) for name in lesson.exercises]
    elif job.raw is None:
        exercises = [_ungraded(lesson, name, "missing", "no notebook was handed in") for name in lesson.exercises]
    else:
        try:
            submission = compose.read(job.raw, lesson)
            verdicts = _verdicts(lesson, submission, settings) if submission.blanks else []
            for number, name in enumerate(lesson.exercises):
                if name in submission.blanks:
                    exercises[number] = _summed(lesson, name, verdicts, submission.notes.get(name, ""), settings)
        except compose.Unreadable as error:
            exercises = [_ungraded(lesson, name, "unreadable", str(error)) for name in lesson.exercises]
    return {"student": job.student, "lesson": job.lesson, "exercises": exercises}


def _verdicts(lesson: lessons.Lesson, submission: compose.Submission, settings: Settings) -> list[dict]:
    import torch

    from course import kernel, referee, verdict

    torch.set_num_threads(1)  # as kernels have: the references sum in the same order, and workers do not compete
    name = _kernel_name(lesson, settings.caged, settings.user)
    with tempfile.TemporaryDirectory(prefix="grade-", ignore_cleanup_errors=True) as scratch:
        nb = compose.compose(lesson, submission, verdict.probe_cells(lesson, settings.seed))
        nbformat.write(nb, Path(scratch) / "graded.ipynb")

        def start_kernel():
            work = tempfile.mkdtemp(prefix="work-", dir=scratch)  # of an ordinary kernel; a caged one has its own
            return kernel.start_new_kernel(kernel_name=name, cwd=work, stderr=subprocess.DEVNULL)

        judge = referee.Referee(lesson, settings.seed, start_kernel, settings.exercise_seconds)
        return referee.run(Path(scratch) / "graded.ipynb", judge, settings.cell_seconds)


@functools.cache
def _kernel_name(lesson: lessons.Lesson, caged: bool, user: int | None) -> str:
    """The kernel of this process for a lesson: it imports ``lib`` from a copy without the lesson's references."""
    from course import kernel

    folder = Path(tempfile.mkdtemp(prefix="kernels-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    staged = compose.stage(lesson, folder / "path", lessons.ROOT / "lib")
    return kernel.prepare(folder, staged / "lib", caged=caged, user=user)


def _ungraded(lesson: lessons.Lesson, exercise: str, status: str, message: str) -> dict:
    worth = lesson.points(exercise)
    return {"exercise": exercise, "points": 0, "max_points": worth, "status": status, "message": message, "checks": []}


def _summed(lesson: lessons.Lesson, exercise: str, verdicts: list[dict], note: str, settings: Settings) -> dict:
    """Add up the verdicts on one exercise's probes."""
    from course.verdict import known_prints

    found = {v["probe"]: v for v in verdicts if v["exercise"] == exercise}
    lost = {"status": "crashed", "message": "it was not run"}
    checks = []
    for probe in lesson.probes(exercise):
        verdict = found.get(probe.name, lost)
        points = probe.points if verdict["status"] == "right" else 0
        shown = dict(zip(("yours", "expected"), verdict.get("difference") or [], strict=False))
        check = {"title": probe.title, "points": points, "max_points": probe.points, **shown}
        checks.append(check | {"status": verdict["status"], "message": verdict["message"]})
    prints = tuple(found.get(p.name, {}).get("print", "") for p in lesson.probes(exercise))
    named = known_prints(lesson, exercise, settings.seed).get(prints, "")
    points, worth = sum(c["points"] for c in checks), sum(c["max_points"] for c in checks)
    status = _status([c["status"] for c in checks], points, worth)
    return {
        **{"exercise": exercise, "points": points, "max_points": worth, "status": status},
        **{"message": _message(checks, status, note, named), "mistake": named, "note": note, "checks": checks},
    }


def _status(statuses: list[str], points: int, worth: int) -> str:
    if points:
        return "right" if points == worth else "partial"
    if set(statuses) == {"not written"}:
        return "not written"
    return next((s for s in ("timed out", "crashed") if s in statuses), "wrong")


def _message(checks: list[dict], status: str, note: str, named: str) -> str:
    if status in ("right", "not written"):
        return note
    failing = [c for c in checks if c["status"] != "right"]
    grouped = [(m, "; ".join(c["title"] for c in same)) for m, same in groupby(failing, lambda c: c["message"])]
    failing = [f"{titles}: {message}" for message, titles in grouped]
    looks = f"This looks like a known mistake: {named}" if named else ""
    return " ".join(part for part in (looks, note, "; ".join(failing)) if part)


def run(
    entries: list[Entry], settings: Settings, store: Store, workers: int, dask: str | None = None
) -> Iterator[dict]:
    """Grade many submissions, those kept in the store excepted; yield results as they come.

    A submission is read when its turn comes: together they may be larger than the memory.

    Parameters
    ----------
    entries, settings
        What is graded, and how.
    store
        Where results are kept, and looked for first.
    workers
        How many processes of this machine to use.
    dask
        The address of a Dask scheduler, to use its cluster instead.
    """
    keys, waiting = {}, []
    for job, entry in zip(map(job_of, entries), entries, strict=True):
        keys[job.student, job.lesson] = key = key_of(job.lesson, job.raw, repr(settings), job.problem)
        if kept := store.load(key):
            yield kept | {"student": job.student}
        else:
            waiting.append(entry)
    work, jobs = functools.partial(grade, settings=settings), map(job_of, waiting)
    results = run_on_dask(work, jobs, dask, lost) if dask else run_local(work, jobs, workers, lost)
    for result in results:
        if not result.get("lost"):  # a later run tries those again
            store.save(keys[result["student"], result["lesson"]], result)
        yield result


def lost(job: Job, reason: str) -> dict:
    """The result of a submission whose job came to nothing."""
    lesson = lessons.LESSONS[job.lesson]
    exercises = [_ungraded(lesson, name, "crashed", f"not graded: {reason}") for name in lesson.exercises]
    return {"student": job.student, "lesson": job.lesson, "exercises": exercises, "lost": True}


def write_gradebook(results: list[dict], path: Path) -> None:
    """Write a row for each exercise of each submission."""
    from course.exports import harmless

    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        for result in results:
            for row in result["exercises"]:
                named = {"student": result["student"], "lesson": result["lesson"], **row}
                writer.writerow({column: harmless(named[column]) for column in COLUMNS})


def grade_folder(
    folder: Path,
    out: Path,
    names: list[str],
    settings: Settings,
    workers: int = 1,
    dask: str | None = None,
    report: Callable[[int, Iterator[dict]], list[dict]] = lambda count, results: list(results),
) -> list[dict]:
    """Grade a folder or a zip of submissions and write the gradebook, the students' pages and the class report.

    Parameters
    ----------
    folder, out
        Where the submissions lie, and where to write. What lies there from an earlier run is taken up.
    names
        The lessons to grade, or none for all that were handed in.
    settings
        What is the same for every submission; a ``seed`` of ``None`` is that of the run before, or a fresh one.
    workers, dask
        See :func:`run`.
    report
        Takes how many results there will be, and passes them on while it shows how far the run is.
    """
    from course.report import write_reports

    found = batch(folder, names)
    out.mkdir(parents=True, exist_ok=True)
    store = Store(out / "results", settings.seed)
    settings = replace(settings, seed=store.seed)
    order = {(entry.student, entry.lesson): number for number, entry in enumerate(found.entries)}
    results = report(len(order), run(found.entries, settings, store, workers, dask))
    results.sort(key=lambda result: order[result["student"], result["lesson"]])
    write_gradebook(results, out / "gradebook.csv")
    write_reports(results, found, out)
    return results
