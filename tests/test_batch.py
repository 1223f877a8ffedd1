"""Many submissions: what is graded is kept, what died is tried again, and where it ran makes no difference."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from course import cage
from course.lessons import LESSONS, ROOT
from course.pool import run_local, run_on_dask
from course.store import Store, key_of
from tests.pool_work import lost, work
from tests.submissions import hand_in, submission

TILING = LESSONS["01_tiling"]
caged = pytest.mark.skipif(cage.available() is None, reason=f"no cage here: {cage.status()[1]}")
SLOW = "import time\nfrom math import isqrt\ndef largest_tile(capacity):\n    time.sleep(0.05)\n"
CLASS = {
    "anna": {},
    "bela": {"largest_tile": SLOW + "    return isqrt(capacity // 3)"},
    "carl": {"tmul": "def tmul(tileA, tileB, t):\n    return tileA"},
    "dora": {"tmul": "import os\nos._exit(0)"},
    "emil": {"largest_tile": SLOW + "    return capacity"},
}


def wait_for(what, seconds=120):
    """Wait until a condition holds, and return what it gave."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)
    return found


# The pool, with work that is cheap.


def jobs_in(folder, odd):
    return [(number, odd.get(number, "slow"), str(folder)) for number in range(10)]


def numbers(results):
    return sorted(result["job"] for result in results)


def test_all_jobs_are_done_and_one_that_fails_costs_no_other(tmp_path):
    results = list(run_local(work, jobs_in(tmp_path, {3: "raises"}), 2, lost))
    assert numbers(results) == list(range(10))
    assert [r for r in results if "lost" in r] == [{"job": 3, "lost": "the grader failed: ArithmeticError('no')"}]


def test_a_job_that_takes_its_workers_along_is_given_up_and_no_other(tmp_path):
    results = list(run_local(work, jobs_in(tmp_path, {0: "dies", 5: "dies"}), 2, lost))
    assert numbers(results) == list(range(10))
    assert sorted(r["job"] for r in results if "lost" in r) == [0, 5]
    assert all(len(set((tmp_path / n).read_text().split())) == 3 for n in "05")


def test_a_job_whose_worker_dies_once_is_done(tmp_path):
    results = list(run_local(work, jobs_in(tmp_path, {1: "dies once", 9: "dies once"}), 2, lost))
    assert numbers(results) == list(range(10))
    assert not [r for r in results if "lost" in r]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each worker imports for itself")
def test_a_worker_begins_with_all_imported_that_it_needs(tmp_path):
    assert [r["missing"] for r in run_local(work, jobs_in(tmp_path, {3: "looks"}), 2, lost) if "missing" in r] == [[]]


def test_a_long_path_of_temporary_files_is_no_obstacle(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("long" * 30)))
    (tmp_path / ("long" * 30)).mkdir()
    assert numbers(run_local(work, jobs_in(tmp_path, {})[:2], 1, lost)) == [0, 1]


def lead(run, jobs):
    """Run jobs that are made when they are asked for; return by how many the asking was ahead of the results."""
    taken, most = [], 0
    for number, _ in enumerate(run(taken.append(job) or job for job in jobs)):
        most = max(most, len(taken) - number)
    assert len(taken) == len(jobs)
    return most


def test_a_job_is_asked_for_when_its_turn_comes(tmp_path):
    assert lead(lambda jobs: run_local(work, jobs, 2, lost), jobs_in(tmp_path, {})) <= 3


# The store.


def test_the_store_keeps_results_whole_and_the_seed(tmp_path):
    store = Store(tmp_path, None)
    store.save("key", {"student": "anna"})
    (tmp_path / "cut.json").write_text('{"student": ')
    again = Store(tmp_path, None)
    assert again.seed == store.seed
    assert again.load("key") == {"student": "anna"}
    assert again.load("cut") is None
    assert again.load("other") is None


def test_a_result_s_name_tells_apart_whatever_it_depends_on():
    keys = {key_of("01_tiling", raw, s, p) for raw in (b"", b"a", None) for s in ("1", "2") for p in ("", "a")}
    assert len(keys) == 12
    assert key_of("a", "b") != key_of("ab", "")


# The command, with kernels.


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A class's submissions of two exercises."""
    made = tmp_path_factory.mktemp("class")
    for student, answers in CLASS.items():
        hand_in(made, student, TILING, two_exercises(answers))
    return made


def two_exercises(answers):
    nb = submission(TILING, answers)
    nb["cells"] = [c for c in nb["cells"] if c["metadata"].get("exercise") in ("tmul", "largest_tile")]
    return nb


def command(folder, out, *options):
    options = ("--lesson", TILING.name, "--seed", "5", *options)
    return [sys.executable, "-m", "course.cli", "grade", str(folder), "--out", str(out), *options]


def start(*arguments):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command(*arguments), cwd=ROOT, preexec_fn=heed_ctrl_c, **pipes)


def heed_ctrl_c():
    """A shell has what it starts in the background ignore Ctrl-C, the tests and all that they start included."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def finish(*arguments):
    done = subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return (arguments[1] / "gradebook.csv").read_text()


def kept(out):
    return {path: path.stat().st_mtime_ns for path in (out / "results").glob("*.json")}


def processes():
    """The parent and the command of each process."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = path.joinpath("stat").read_text().rsplit(")", 1)[1].split()[1]
            found[int(path.name)] = (int(parent), path.joinpath("cmdline").read_bytes())
        except (OSError, IndexError):
            continue
    return found


def workers_of(pid):
    """The processes that grade for a process: forks of its child that has imported what they need."""
    table = processes()
    forks = {one for one, (_, command) in table.items() if b"multiprocessing.forkserver" in command}
    return [one for one in forks if table[one][0] in forks and table[table[one][0]][0] == pid]


def descendants(pid):
    table = processes()
    found = [pid]
    for one in found:
        found += [child for child, (parent, _) in table.items() if parent == one]
    return found[1:]


def ended(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


@pytest.fixture(scope="module")
def whole(folder, tmp_path_factory):
    """The folder of a run that nothing disturbed, and its gradebook."""
    out = tmp_path_factory.mktemp("whole")
    text = finish(folder, out, "--jobs", "2")
    points = {student: [] for student in CLASS}
    for line in text.splitlines()[1:]:
        student, _, exercise, got, *_ = line.split(",")
        if exercise in ("tmul", "largest_tile"):
            points[student].append(int(got))
    assert points == {"anna": [4, 2], "bela": [4, 2], "carl": [0, 2], "dora": [0, 2], "emil": [4, 0]}
    return out, text


@caged
def test_a_second_run_grades_only_what_changed(folder, whole, tmp_path):
    out, text = whole
    changed = shutil.copytree(folder, tmp_path / "in")
    again = shutil.copytree(out, tmp_path / "out")
    before = kept(again)
    assert finish(changed, again) == text
    assert kept(again) == before
    hand_in(changed, "carl", TILING, two_exercises({"largest_tile": SLOW + "    return capacity + 1"}))
    new = finish(changed, again).splitlines()
    assert len(set(kept(again).items()) - set(before.items())) == 1
    assert {line.split(",")[0] for line in set(new) ^ set(text.splitlines())} == {"carl"}


@caged
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_stopped_is_taken_up(folder, whole, tmp_path, number, monkeypatch, request):
    out, scratch = tmp_path / "out", Path(tempfile.mkdtemp(prefix="short-"))
    request.addfinalizer(lambda: shutil.rmtree(scratch))
    monkeypatch.setenv("TMPDIR", str(scratch))
    run = start(folder, out, "--jobs", "1")
    wait_for(lambda: kept(out) or run.poll() is not None)
    workers, started = workers_of(run.pid), descendants(run.pid)
    run.send_signal(number)
    _, said = run.communicate(timeout=120)
    before = kept(out)
    assert 0 < len(before) < len(CLASS)
    assert not (out / "gradebook.csv").exists()
    if number == signal.SIGINT:
        assert run.returncode == 130
        assert said.strip().splitlines()[-1].startswith("course: stopped")
    assert len(workers) == 1
    wait_for(lambda: all(map(ended, started)), 30)
    theirs = ("torchinductor", "pymp-")  # torch's cache, and what multiprocessing leaves when it is killed
    assert not [path for path in scratch.iterdir() if not path.name.startswith(theirs)]
    assert finish(folder, out, "--jobs", "2") == whole[1]
    assert set(before.items()) <= set(kept(out).items())


@pytest.mark.skipif(cage.available() != "landlock", reason="only a forked kernel has a preloaded process")
def test_all_kernels_of_a_run_are_forked_from_one_process(folder, tmp_path):
    run = start(folder, tmp_path / "out", "--jobs", "2")
    wait_for(lambda: kept(tmp_path / "out") or run.poll() is not None)
    workers, table = workers_of(run.pid), processes()
    run.communicate(timeout=300)
    assert len(workers) == 2
    nurseries = {one for one, (_, command) in table.items() if b"nursery.serve" in command}
    assert [table[one][0] for one in nurseries if table[one][0] in (run.pid, *workers)] == [run.pid]


@caged
def test_a_worker_killed_in_mid_run_loses_nothing(folder, whole, tmp_path):
    out = tmp_path / "out"
    run = start(folder, out, "--jobs", "2")
    wait_for(lambda: kept(out) or run.poll() is not None)
    os.kill(workers_of(run.pid)[0], signal.SIGKILL)
    _, said = run.communicate(timeout=300)
    assert run.returncode == 0, said
    assert (out / "gradebook.csv").read_text() == whole[1]


# A Dask cluster of a scheduler and two workers.


class Cluster:
    """A scheduler and workers on loopback, each a process of its own; with ``nanny``, workers are replaced."""

    def __init__(self, folder, nanny=False):
        self.processes, self.file = [], folder / "scheduler.json"
        self.settings = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(self.file))
        self.address = wait_for(self._address)
        options = ("--nthreads", "1", "--local-directory", str(folder), "--nanny" if nanny else "--no-nanny")
        for _ in range(2):
            self._start("worker", self.address, *options)

    def _start(self, *arguments):
        line = [sys.executable, "-m", "dask", *arguments, "--no-dashboard"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.processes.append(subprocess.Popen(line, cwd=ROOT, env=self.settings, **quiet))

    def _address(self):
        try:
            return json.loads(self.file.read_text())["address"]
        except (OSError, ValueError):
            return None

    def close(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture
def cluster(tmp_path, request):
    made = Cluster(tmp_path, getattr(request, "param", False))
    yield made
    made.close()


def test_dask_a_killed_worker_loses_no_job(cluster, tmp_path):
    results = []
    for result in run_on_dask(work, jobs_in(tmp_path, {3: "raises"}), cluster.address, lost):
        if not results:
            cluster.processes[1].kill()
        results.append(result)
    assert numbers(results) == list(range(10))
    assert [r["job"] for r in results if "lost" in r] == [3]


@pytest.mark.parametrize("cluster", [True], indirect=True, ids=["nanny"])
def test_dask_a_job_that_takes_its_workers_along_is_given_up_and_no_other(cluster, tmp_path):
    results = list(run_on_dask(work, jobs_in(tmp_path, {0: "dies late"}), cluster.address, lost))
    assert numbers(results) == list(range(10))
    assert [r["job"] for r in results if "lost" in r] == [0]


def test_dask_a_job_is_asked_for_when_its_turn_comes(cluster, tmp_path):
    assert lead(lambda jobs: run_on_dask(work, jobs, cluster.address, lost), jobs_in(tmp_path, {})) <= 5


def test_dask_that_does_not_answer_is_an_error():
    with pytest.raises(OSError):
        list(run_on_dask(work, [], "tcp://127.0.0.1:9", lost))


@caged
def test_dask_gives_the_same_gradebook_and_a_killed_worker_loses_nothing(cluster, folder, whole, tmp_path):
    assert finish(folder, tmp_path / "out", "--dask", cluster.address) == whole[1]
    out = tmp_path / "again"
    run = start(folder, out, "--dask", cluster.address)
    wait_for(lambda: kept(out) or run.poll() is not None)
    cluster.processes[1].kill()
    _, said = run.communicate(timeout=300)
    assert run.returncode == 0, said
    assert (out / "gradebook.csv").read_text() == whole[1]
