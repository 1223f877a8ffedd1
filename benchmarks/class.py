"""A large class in one run: 500 submissions, one in ten hostile or broken.

Checked: no submission is lost; right ones get full points, wrong ones lose those of their mistake, hostile ones those
of what they spoilt, and nobody else any; a second run with the same seed writes the same gradebook, byte for byte,
and so does a run that is killed half way and started again. Printed: submissions a minute, and the memory of the
grader with all that it started, as the sum of their proportional shares, so that shared pages count once.

Run from the top of the repository: ``python benchmarks/class.py``. With ``--students 30`` it is a trial.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.grading_peers.students import students  # noqa: E402
from tests.submissions import hand_in  # noqa: E402
from tests.tampering import CASES, TILING, handed_in  # noqa: E402

HOSTILE = 10  # every tenth
STATUSES = ("wrong", "crashed", "timed out", "unreadable")
# What may end in one way or another, as chance has it, makes no two gradebooks alike.
SURE = {name: entry for name, entry in CASES.items() if set(entry.status.values()) <= set(STATUSES)}


def make_class(folder: Path, count: int) -> None:
    """Hand in a class: every tenth student one of the tampering suite's cases, the others answers from the banks."""
    hostile = list(SURE.items())
    for number, (student, nb) in enumerate(students(TILING, count).items()):
        if number % HOSTILE == HOSTILE - 1:
            name, entry = hostile[number // HOSTILE % len(hostile)]
            student, nb = f"{number:03}-hostile-{name}", handed_in(entry)
        hand_in(folder, student, TILING, nb)


def is_just(student: str, row: dict) -> bool:
    """Tell whether a row of the gradebook says what it should."""
    _, kind, what = f"{student}-".split("-", 2)
    what = what.removesuffix("-")
    full = row["status"] == "right" and row["points"] == row["max_points"]
    if kind == "hostile":
        entry = SURE[what]
        if row["exercise"] in entry.keep and row["exercise"] not in entry.status:
            return full
        return row["points"] == "0" and row["status"] == entry.status.get(row["exercise"], row["status"])
    return full if row["exercise"] != what else row["status"] in ("wrong", "partial")


def unjust(gradebook: Path, names: set[str]) -> list[str]:
    """List submissions that are lost, and rows that say what they should not."""
    rows = defaultdict(list)
    with gradebook.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            rows[row["student"]].append(row)
    found = [f"{name}: lost" for name in names if {r["exercise"] for r in rows[name]} != set(TILING.exercises)]
    return found + [f"{name}: {row}" for name in names for row in rows[name] if not is_just(name, row)]


def tree(pid: int) -> list[int]:
    """A process and all that it started, directly or not."""
    children = defaultdict(list)
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            children[int(path.read_text().rpartition(")")[2].split()[1])].append(int(path.parent.name))
        except OSError:
            continue
    found = [pid]
    for one in found:
        found += children[one]
    return found


def share(pid: int) -> int:
    """Bytes of memory that a process holds, those it shares divided by how many share them."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return 1024 * next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0


def grade(folder: Path, out: Path, args: argparse.Namespace, stop_at: int | None = None) -> tuple[float, list[int]]:
    """Grade a folder; return the seconds it took, and the bytes held every second.

    Where ``stop_at`` is given, kill the run, without a warning, once so many results are kept.
    """
    command = [sys.executable, "-m", "course.cli", "grade", folder, "--out", out, "--jobs", args.jobs]
    command = list(map(str, [*command, "--seed", args.seed, "--lesson", TILING.name]))
    begun, held = time.monotonic(), []
    with (out.parent / "log.txt").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        while process.poll() is None:
            time.sleep(1)
            held.append(sum(map(share, tree(process.pid))))
            if stop_at and len(list((out / "results").glob("*.json"))) >= stop_at:
                break
    finally:
        process.kill()
        code = process.wait()
    if code and not stop_at:
        raise RuntimeError(f"course grade ended with {code}: {(out.parent / 'log.txt').read_text()[-2000:]}")
    return time.monotonic() - begun, held


def main() -> int:
    """Run the class three times; return 1 if anything is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--students", type=int, default=500, metavar="N")
    parser.add_argument("--jobs", type=int, default=2, metavar="N")
    parser.add_argument("--seed", type=int, default=5, metavar="N")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="class-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        make_class(folder / "in", args.students)
        names = {path.name for path in (folder / "in").iterdir()}
        hostile = sum("-hostile-" in name for name in names)
        print(f"{len(names)} submissions of {TILING.name}, {hostile} of them hostile", flush=True)

        seconds, held = grade(folder / "in", folder / "once", args)
        faults = unjust(folder / "once" / "gradebook.csv", names)
        print(f"{60 * len(names) / seconds:.1f} submissions a minute; {len(faults)} lost or wrong", *faults, sep="\n  ")
        quarter = max(1, len(held) // 4)
        early, late = median(held[quarter : 2 * quarter] or held), median(held[-quarter:])
        print(f"memory of the grader and all its children: peak {max(held) / 2**20:.0f} MB")
        print(f"  median of the second quarter {early / 2**20:.0f} MB, of the last {late / 2**20:.0f} MB", flush=True)
        first = (folder / "once" / "gradebook.csv").read_bytes()

        grade(folder / "in", folder / "again", args)
        again = (folder / "again" / "gradebook.csv").read_bytes()
        print(
            "a second run with the same seed: the gradebook is", "the same" if again == first else "ANOTHER", flush=True
        )

        grade(folder / "in", folder / "killed", args, stop_at=len(names) // 2)
        kept = len(list((folder / "killed" / "results").glob("*.json")))
        rest, _ = grade(folder / "in", folder / "killed", args)
        resumed = (folder / "killed" / "gradebook.csv").read_bytes()
        print(f"killed with {kept} results kept, and started again: {rest / seconds:.2f} of the time of a whole run;")
        print("  the gradebook is", "the same" if resumed == first else "ANOTHER")
        for name, other in (("second", again), ("resumed", resumed)):
            for line in sorted(set(other.splitlines()) ^ set(first.splitlines()))[:10]:
                print(f"  {name}: {line.decode()}")
        return int(bool(faults) or again != first or resumed != first)


if __name__ == "__main__":
    sys.exit(main())
