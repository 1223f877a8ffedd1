"""Grading on Gradescope: the package that is uploaded there, and what runs in it for each submission.

Source: Gradescope, "Autograder Specifications": the package's files, the folders it meets, ``results.json``.
"""

import json
import os
import secrets
import sys
import tomllib
import zipfile
from pathlib import Path

from course import cage
from course.demoted import stop_all
from course.exports import VISIBILITIES, gradescope_results
from course.files import tree
from course.grade import Job, Settings, grade, job_of
from course.layouts import entry, sort_in
from course.lessons import LESSONS, ROOT, find

SCRIPTS = Path(__file__).parent / "autograder"
CONFIG = "autograder.json"
NOBODY = 65534
# What the grader needs of the course; solutions, tests of the tests and right answers stay behind.
PARTS = ("course/*.py", "lib/**/*.py", "lib/**/*.json", "tests/__init__.py", "tests/hidden/*.py", "tests/mistakes/*.py")


def package(out: Path, names: list[str], visibility: str = "visible", caged: bool = True) -> Path:
    """Write the zip to upload under *Configure Autograder*.

    Parameters
    ----------
    out
        The zip.
    names
        The lessons that it grades, or none for all.
    visibility
        When students see the tests: one of ``visible``, ``after_due_date``, ``after_published``, ``hidden``.
    caged
        Whether it refuses to grade where Gradescope's machine cannot cage a kernel. If not, and there is no cage, a
        submission runs as a user that cannot read the checks nor write results; but it has a network.

    Raises
    ------
    KeyError
        There is no lesson of that name.
    ValueError
        There is no such visibility.
    """
    if visibility not in VISIBILITIES:
        raise ValueError(f"unknown visibility {visibility!r}; there are: {', '.join(VISIBILITIES)}")
    chosen = [find(name) for name in names] or list(LESSONS.values())
    paths = sorted(path for pattern in PARTS for path in ROOT.glob(pattern))
    config = {"visibility": visibility, "caged": caged}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in [*SCRIPTS.iterdir()]:
            _add(archive, path.name, path.read_bytes(), executable=True)
        for path in [*paths, *(lesson.notebook for lesson in chosen)]:
            _add(archive, path.relative_to(ROOT).as_posix(), path.read_bytes())
        _add(archive, "requirements.txt", "".join(f"{line}\n" for line in requirements()).encode())
        _add(archive, CONFIG, json.dumps(config).encode())
    return out


def _add(archive: zipfile.ZipFile, name: str, content: bytes, executable: bool = False) -> None:
    member = zipfile.ZipInfo(name)  # of 1980: the same course gives the same package
    member.external_attr = (0o100755 if executable else 0o100644) << 16
    archive.writestr(member, content, zipfile.ZIP_DEFLATED)


def requirements() -> list[str]:
    """The packages that grading needs, as the project names them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["dependencies"] + project["optional-dependencies"]["instructor"]


def jobs_in(submission: Path) -> list[Job]:
    """One job for each lesson of the package; a file that fits none is the problem of a lesson without one."""
    lessons, odd = sort_in(list(tree(submission).files))
    unclear = "; ".join(f"{file.path}: {message}" for file, message in odd)
    jobs = [job_of(entry("", name, lessons.get(name, []))) for name in LESSONS]
    return [Job("", j.lesson, None, unclear) if j.raw is None and not j.problem and unclear else j for j in jobs]


def run(root: Path) -> Path:
    """Grade the submission in ``root/submission`` and write ``root/results/results.json``.

    Where the grader itself fails, nothing is written and the exception goes on: Gradescope then tells the staff, which
    is better than a zero that nobody earned.
    """
    config = json.loads((root / "source" / CONFIG).read_text(encoding="utf-8"))
    out = root / "results" / "results.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.unlink(missing_ok=True)
    seed = secrets.randbits(32)
    print(f"seed {seed}")  # for instructors: with it the same inputs are drawn again
    settings = _settings(seed, config["caged"])
    for path in (root / "source", root / "results"):
        path.chmod(0o700)
    try:
        results = [grade(job, settings) for job in jobs_in(root / "submission")]
    finally:
        if settings.user is not None:
            stop_all(settings.user)  # nobody is left who could touch the results
    out.write_text(json.dumps(gradescope_results(results, config["visibility"])), encoding="utf-8")
    return out


def _settings(seed: int, caged: bool) -> Settings:
    """A cage where there can be one; if a package may do without, another user; if need be, nothing."""
    way, reason = cage.status()
    if caged or way is not None:
        return Settings(seed)
    print(f"There is no cage here ({reason}).")
    return Settings(seed, caged=False, user=NOBODY if os.geteuid() == 0 else None)


if __name__ == "__main__":
    print(f"results: {run(Path(sys.argv[1]).resolve())}")
