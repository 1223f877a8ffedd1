"""A caged kernel does its work and nothing else: what it may see, write, reach and use up.

Everything runs as the user who runs the tests; where that is root, it runs a second time as an ordinary user, and a
third time as one who has bubblewrap only.
"""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import nbformat
import pytest

from course import cage, inside, kernel, preloaded, provisioner

ROOT = pathlib.Path(__file__).resolve().parents[1]
ENVIRONMENT = inside.environment
REAL_STATUS = cage.status.__wrapped__  # without its memory
WAY = os.environ.get("COURSE_TEST_CAGE") or cage.available()
SMALL = cage.Limits(memory=1 << 30, scratch=32 << 20, file=8 << 20)
caged = pytest.mark.skipif(WAY is None, reason=f"no cage here: {cage.status()[1]}")


@pytest.fixture(autouse=True)
def way(monkeypatch):
    if WAY is not None:
        monkeypatch.setattr(cage, "status", lambda: (WAY, ""))


@pytest.fixture
def run_folder(monkeypatch):
    """A folder private to a run, with a secret in it, and a staged lib beside it."""
    monkeypatch.setenv("JUPYTER_PATH", "")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="course-test-"))
    (folder / "stage" / "lib").mkdir(parents=True)
    (folder / "stage" / "lib" / "__init__.py").write_text("STAGED = True\n")
    (folder / "gradebook.csv").write_text("secret\n")
    yield folder
    shutil.rmtree(folder)


class Kernel:
    """A kernel, its manager and a client."""

    def __init__(self, name):
        self.manager, self.client = kernel.start_new_kernel(kernel_name=name, cwd="/", stderr=None)

    def __call__(self, code, timeout=60):
        """Run a cell; return what it printed and showed, or "ErrorName: message"."""
        said = []

        def hear(message):
            content = message["content"]
            said.append(content.get("text") or content.get("data", {}).get("text/plain") or "")

        reply = self.client.execute_interactive(
            code, timeout=timeout, output_hook=hear, allow_stdin=False, store_history=False
        )["content"]
        return "".join(said) if reply["status"] == "ok" else f"{reply['ename']}: {reply['evalue']}"

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def start(run_folder):
    """Starts kernels, and ends them after the test."""
    started = []

    def start(limits=SMALL, **options):
        if WAY == "bubblewrap":
            options.setdefault("preload", ())  # it would import anew for each kernel
        name = kernel.prepare(run_folder, run_folder / "stage" / "lib", limits=limits, **options)
        started.append(Kernel(name))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture(scope="module")
def shared():
    """One kernel for tests that leave no trace in it, and the folder of its run."""
    if WAY is None:
        pytest.skip("no cage here")
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(cage, "status", lambda: (WAY, ""))
        patch.setenv("JUPYTER_PATH", "")
        patch.setenv("GRADER_SECRET", "pass word")
        stage = pathlib.Path(folder, "stage", "lib")
        stage.mkdir(parents=True)
        (stage / "__init__.py").write_text("STAGED = True\n")
        pathlib.Path(folder, "gradebook.csv").write_text("secret\n")
        one = Kernel(kernel.prepare(folder, stage, limits=SMALL))
        patch.undo()
        one.folder = folder
        yield one
        one.close()


def gone(pid):
    """Whether the process has ended, given five seconds."""
    for _ in range(500):
        try:
            state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


# What it can do.


def test_it_imports_the_staged_lib_and_computes(shared):
    assert shared("import lib; print(lib.STAGED, lib.__file__)") == "True /course/lib/__init__.py\n"
    assert shared("import torch; print(int((torch.ones(64, 64) @ torch.ones(64, 64)).sum()))") == f"{64**3}\n"
    note = "_ = open('note.txt', 'w').write('mine'); from tempfile import gettempdir as tmp"
    assert shared(f"{note}; print(open(tmp() + '/note.txt').read())") == "mine\n"


def test_it_trains_with_several_threads(shared):
    code = """
    import torch
    torch.set_num_threads(2)
    model = torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(3):
        optimizer.zero_grad(); model(torch.ones(512, 4)).sum().backward(); optimizer.step()
    print(torch.isfinite(model.weight).all().item())
    """
    assert shared(code) == "True\n"


def test_it_draws_a_figure(shared):
    said = shared("import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.savefig('figure.png'); plt.close()")
    assert "Error" not in said
    assert shared("import os; print(os.path.getsize('figure.png') > 1000)") == "True\n"


@caged
def test_torch_is_there_before_the_first_cell_and_the_course_is_not(start):
    code = (
        "import sys; print('torch' in sys.modules, [m for m in sys.modules if m.split('.')[0] in ('course', 'tests')])"
    )
    assert start(preload=kernel.PRELOAD)(code) == "True []\n"


@caged
def test_a_staged_lib_for_the_grader_s_eyes_only_can_be_imported(start, run_folder):
    for path in (run_folder / "stage", run_folder / "stage" / "lib"):
        path.chmod(0o700)
    (run_folder / "stage" / "lib" / "__init__.py").chmod(0o600)
    assert start()("import lib; print(lib.STAGED)") == "True\n"


@pytest.mark.skipif(WAY != "landlock", reason="only a forked kernel has a preloaded process")
def test_a_module_that_prints_or_fails_when_imported(start, run_folder, monkeypatch):
    (run_folder / "chatty.py").write_text("print('hello')")
    (run_folder / "broken.py").write_text("import no_such_module_anywhere")
    (run_folder / "busy.py").write_text("import threading; threading.Thread(target=input, daemon=True).start()")
    folder = str(run_folder)
    monkeypatch.setattr(provisioner.inside, "environment", lambda: ENVIRONMENT() | {"PYTHONPATH": folder})
    assert start(preload=("chatty",))("import sys; print('chatty' in sys.modules)") == "True\n"
    for name, complaint in (("broken", "no_such_module_anywhere"), ("busy", "started 1 threads")):
        with pytest.raises(cage.CageError, match=complaint):
            start(preload=(name,))


@pytest.mark.skipif(WAY != "landlock", reason="only a forked kernel has a preloaded process")
def test_a_nursery_that_several_use_and_that_dies(start, monkeypatch):
    monkeypatch.setattr(preloaded.Branch, "_all", {})  # an earlier test may have left one
    with preloaded.shared_nursery() as nursery:
        first, second = preloaded.Branch(nursery.address), preloaded.Branch.of(preloaded.PRELOAD)
        one = start(preload=preloaded.PRELOAD)
        assert one("1 + 1") == "2"
        first.close()
        assert one("1 + 1") == "2"
        nursery.close()
        assert gone(one.manager.provisioner.pid)
        assert second.ended()
        with pytest.raises(OSError):
            preloaded.Branch(nursery.address)
        assert start(preload=preloaded.PRELOAD)("1 + 1") == "2"  # from a nursery of its own


@caged
def test_an_interrupt_ends_a_loop_and_not_the_kernel(start):
    one = start()
    message = one.client.execute("while True: pass", stop_on_error=False)
    time.sleep(0.5)
    one.manager.interrupt_kernel()
    reply = one.client.get_shell_msg(timeout=20)
    assert (reply["parent_header"]["msg_id"], reply["content"]["ename"]) == (message, "KeyboardInterrupt")
    assert one("print(1)") == "1\n"


@caged
def test_it_can_be_restarted(start):
    one = start()
    one("x = 1")
    one.manager.restart_kernel(now=True)
    one.client.stop_channels()
    one.client = one.manager.client()
    one.client.start_channels()
    one.client.wait_for_ready(timeout=60)
    assert one("x").startswith("NameError")


@caged
def test_nbval_runs_a_notebook_in_it(run_folder):
    name = kernel.prepare(run_folder, run_folder / "stage" / "lib", limits=SMALL)
    cells = ["import lib, os", "assert lib.STAGED and os.getpid() == 1", "1 / 0"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(notebook, run_folder / "some.ipynb")
    command = [sys.executable, "-m", "pytest", "-p", "course.kernel", "-p", "no:cacheprovider", "--nbval-lax"]
    command += [f"--nbval-kernel-name={name}", f"--rootdir={run_folder}", str(run_folder / "some.ipynb")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=90)
    assert "1 failed, 2 passed" in done.stdout, done.stdout + done.stderr
    assert "ZeroDivisionError" in done.stdout


# What it cannot see.


@pytest.mark.parametrize("name", ["course/cage.py", "tests/test_cage.py", "lib/cases.py", "CONTRIBUTING.md", ".git"])
def test_it_does_not_see_the_checkout(shared, name):
    assert (ROOT / name).exists()
    assert shared(f"import os; print(os.path.exists({str(ROOT / name)!r}))") == "False\n"


def test_it_finds_no_file_of_the_grader_in_the_whole_tree(shared):
    code = f"""
    import os
    skip = ('/proc', '/sys', '/usr', {sys.prefix!r}, {sys.base_prefix!r})
    seen = []
    for folder, folders, files in os.walk('/'):
        folders[:] = [f for f in folders if os.path.join(folder, f) not in skip]
        seen += [os.path.join(folder, file) for file in files]
    folder = {shared.folder!r}
    print([f for f in seen if f.endswith(('test_cage.py', 'gradebook.csv'))], os.path.exists(folder))
    """
    assert shared(code) == "[] False\n"


def test_it_does_not_see_the_home_folder(shared):
    home = pathlib.Path.home()
    names = (
        [name for name in os.listdir(home) if not sys.base_prefix.startswith(str(home / name))] if home.exists() else []
    )
    assert (
        shared(f"import os; print([n for n in {names!r} if os.path.exists(os.path.join({str(home)!r}, n))])") == "[]\n"
    )


def test_it_does_not_inherit_the_environment(shared):
    code = "import os; print(os.environ.get('GRADER_SECRET'), b'pass word' in open('/proc/self/environ', 'rb').read())"
    assert shared(code) == "None False\n"


@caged
def test_it_holds_no_open_file_of_the_grader(start):
    code = """
    import os
    names = [f'/proc/self/fd/{fd}' for fd in os.listdir('/proc/self/fd')]
    links = [os.readlink(name) for name in names if os.path.exists(name)]
    print([link for link in links if not link.startswith(('socket:', 'anon_inode:', '/dev/null', '/proc/1/fd'))])
    """
    assert start()(code) == "[]\n"


def test_it_sees_no_process_but_itself(shared):
    code = "import os; print([p for p in os.listdir('/proc') if p.isdigit()], os.getppid())"
    assert shared(code) == "['1'] 0\n"


@pytest.mark.parametrize("space", ["net", "ipc", "pid", "mnt", "uts"])
def test_its_namespaces_are_its_own(shared, space):
    ours = os.readlink(f"/proc/self/ns/{space}")
    theirs = shared(f"import os; print(os.readlink('/proc/self/ns/{space}'))")
    assert theirs.startswith(f"{space}:[")
    assert theirs != f"{ours}\n"


def test_it_has_no_rights(shared):
    code = """
    status = dict(line.split(':\\t') for line in open('/proc/self/status').read().splitlines() if ':\\t' in line)
    print([int(status[f'Cap{name}'], 16) for name in ('Inh', 'Prm', 'Eff', 'Bnd', 'Amb')])
    print(status['NoNewPrivs'], status['Seccomp'], status['Uid'].split()[0] != '0')
    """
    assert shared(code) == "[0, 0, 0, 0, 0]\n1 2 True\n"


# What it cannot do.

REFUSED = {
    "list the root folder": "import os; os.listdir('/')",
    "write to Python's folder": f"open({sys.prefix!r} + '/owned', 'w')",
    "write to the system's folder": "open('/usr/owned', 'w')",
    "write to lib": "open('/course/lib/__init__.py', 'a')",
    "write to the root folder": "open('/owned', 'w')",
    "write to the kernel settings": "open('/proc/sys/kernel/core_pattern', 'w').write('|/scratch/owned')",
    "replace its own sockets": "import os; os.remove('/scratch/.kernel/k-2')",
    "fork": "import os; os.fork()",
    "start a program": "import subprocess; subprocess.run(['/bin/true'])",
    "start a program by posix_spawn": "import os; os.posix_spawn('/bin/true', ['true'], {})",
    "start a worker process": "import multiprocessing as m; m.get_context('fork').Process(target=print).start()",
    "use the network": "import socket; socket.create_connection(('127.0.0.1', 80))",
    "use IPv6": "import socket; socket.socket(socket.AF_INET6)",
    "talk to the host of a virtual machine": "import socket; socket.socket(40, socket.SOCK_STREAM)",
    "talk to the kernel by netlink": "import socket; socket.socket(16, socket.SOCK_RAW)",
    "keep memory outside its limit": "import os; os.memfd_create('hoard')",
    "open a large file": "open('large', 'wb').write(bytes(16 << 20))",
    "become root": "import os; os.setuid(0)",
    "lift a limit": "import resource as r; r.setrlimit(r.RLIMIT_AS, (r.RLIM_INFINITY, r.RLIM_INFINITY))",
    "allocate with Python": "b = bytearray(2 << 30)",
    "allocate with torch": "import torch; torch.zeros(2 << 30, dtype=torch.uint8)",
    "allocate shared memory": "import mmap; mmap.mmap(-1, 2 << 30)",
}
CALLS = {"unshare": (0x10000000,), "ptrace": (0, 0, 0, 0), "bpf": (0, 0, 0), "shmget": (0, 1 << 30, 0o1600)}


@caged
@pytest.mark.parametrize("what", REFUSED)
def test_it_cannot(shared, what):
    if what in ("replace its own sockets", "list the root folder") and WAY == "bubblewrap":
        pytest.skip("under bubblewrap it may: nothing else is there, and it cuts itself off")
    answer = shared(REFUSED[what])
    assert answer.split(":")[0] in (
        "PermissionError", "OSError", "RuntimeError", "MemoryError", "ValueError", "FileNotFoundError"
    ), answer  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_it_cannot_make_the_system_call(shared, call):
    code = f"""
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    print(getattr(libc, {call!r}, None) and libc.{call}(*{CALLS[call]!r}), ctypes.get_errno())
    """
    if call == "bpf":
        code = code.replace("getattr(libc, 'bpf', None) and libc.bpf(*", "libc.syscall(321, *")
    assert shared(code) == "-1 1\n"


@caged
def test_its_threads_are_bounded(start):
    one = start(limits=cage.Limits(memory=16 << 30, threads=40))
    one("""
    import threading
    threading.stack_size(65536)
    wait = threading.Event().wait
    for _ in range(500):
        threading.Thread(target=wait, args=(5,)).start()
    """)
    tasks = os.listdir(f"/proc/{one.manager.provisioner.pid}/task")
    assert 20 <= len(tasks) <= 40


def test_its_scratch_folder_is_bounded(start):
    one = start()
    said = one("for i in range(1000): open(f'f{i}', 'wb').write(bytes(1 << 20))")
    assert said.startswith("OSError: [Errno 28]")
    assert one("print(1)") == "1\n"  # and the kernel lives


def test_it_cannot_reach_a_socket_of_the_host(shared):
    with socket.socket(socket.AF_UNIX) as named, socket.socket(socket.AF_UNIX) as abstract:
        path, name = f"{shared.folder}/s", f"\0course-test-{os.getpid()}"
        for server, address in ((named, path), (abstract, name)):
            server.bind(address)
            server.listen()
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(address)  # it can be reached from out here
            said = shared(f"import socket; socket.socket(socket.AF_UNIX).connect({address!r})")
            assert said.startswith(("FileNotFoundError", "PermissionError", "ConnectionRefusedError"))


@caged
def test_it_can_kill_nobody_else(start):
    bystander, hostile = start(), start()
    pids = [os.getpid(), os.getppid(), bystander.manager.provisioner.pid]
    hostile(f"""
    import os, signal
    for pid in (-1, 0, os.getppid(), *{pids!r}):
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.kill(pid, number)
            except OSError:
                pass
    """)
    assert bystander("print(1)") == "1\n"
    assert bystander.manager.is_alive()


# How it ends.


@caged
def test_a_loop_that_ignores_signals_dies_at_once(start):
    one = start()
    one("""
    import signal
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    """)
    one.client.execute("while True: pass")
    time.sleep(0.5)
    pid, began = one.manager.provisioner.pid, time.monotonic()
    one.close()
    assert gone(pid)
    assert time.monotonic() - began < 5


@caged
@pytest.mark.parametrize(
    "code", ["import os; os._exit(0)", "import ctypes; ctypes.string_at(0)", "import os; os.abort()"]
)
def test_the_death_of_a_kernel_is_seen(start, code):
    one = start()
    one.client.execute(code)
    deadline = time.monotonic() + 10
    while one.manager.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not one.manager.is_alive()


@caged
def test_its_processor_time_is_bounded(start):
    one = start(limits=cage.Limits(cpu=2))
    one.client.execute("while True: pass")
    deadline = time.monotonic() + 60
    while one.manager.is_alive() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not one.manager.is_alive()


@caged
def test_nothing_is_left(start, run_folder):
    one = start()
    one("open('left', 'w').write('x')")
    assert list(run_folder.glob("cage-*"))
    one.close()
    assert sorted(os.listdir(run_folder)) == ["gradebook.csv", "kernels", "stage"]
    assert (run_folder / "gradebook.csv").read_text() == "secret\n"


@caged
def test_the_death_of_the_grader_ends_its_kernels(run_folder):
    code = f"""
    import os, sys
    from course import cage, kernel
    cage.status = lambda: ({WAY!r}, "")
    name = kernel.prepare({str(run_folder)!r}, {str(run_folder / "stage" / "lib")!r})
    manager, client = kernel.start_new_kernel(kernel_name=name)
    print(manager.provisioner.pid, flush=True)
    client.execute("while True: pass")
    os.kill(os.getpid(), 9)
    """
    code = "\n".join(line.strip() for line in code.splitlines())
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=90)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert gone(int(done.stdout))


# What it says.


@caged
def test_a_flood_of_output_is_cut(start):
    one = start(limits=cage.Limits(output=100_000))
    said = one("for _ in range(20_000): print('x' * 1000)")
    assert 90_000 <= len(said) <= 110_000
    assert "dropped" in said
    assert one("1 + 1") == "2"


@caged
def test_a_message_too_large_is_not_received_and_the_next_one_is(start):
    one = start(limits=cage.Limits(message=1 << 20))
    shell = one.client.execute("display({'text/plain': 'x' * (64 << 20)}, raw=True)")
    assert one.client.get_shell_msg(timeout=60)["parent_header"]["msg_id"] == shell
    time.sleep(1)  # the channel connects again
    assert one("1 + 1") == "2"


# Where it can be had, and where it cannot.


@caged
def test_the_way_is_found_by_trying_it(monkeypatch):
    if WAY == "bubblewrap":
        monkeypatch.setattr(cage.syscalls, "landlock_version", lambda: 0)
    assert REAL_STATUS()[0] == WAY


@caged
def test_a_cage_that_leaks_is_not_taken_for_one():
    trial = {"landlock": cage._try_landlock, "bubblewrap": cage._try_bubblewrap}[WAY]
    course = str(ROOT / "course")
    with pytest.raises(cage.CageError, match="in sight"):
        trial([*cage.layout(None), ("bind", course, course)])


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_elsewhere_it_is_refused_with_the_reason(monkeypatch, run_folder, platform):
    monkeypatch.setattr(cage, "status", REAL_STATUS)
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(cage.CageError, match=rf"needs Linux, this is {platform}.*--no-sandbox"):
        kernel.prepare(run_folder, run_folder / "stage" / "lib")


def test_without_a_way_the_reasons_are_given(monkeypatch, run_folder):
    monkeypatch.setattr(cage, "status", REAL_STATUS)
    monkeypatch.setattr(cage.syscalls, "landlock_version", lambda: 0)
    monkeypatch.setattr(cage.shutil, "which", lambda name: None)
    with pytest.raises(cage.CageError, match=r"landlock: .*bubblewrap: bwrap is not installed.*--no-sandbox"):
        kernel.prepare(run_folder, run_folder / "stage" / "lib")


def test_no_sandbox_gives_an_ordinary_kernel_with_the_staged_lib(start):
    one = start(caged=False)
    assert one("import lib, os; print(lib.STAGED, os.getuid())") == f"True {os.getuid()}\n"


def test_a_folder_within_pythons_is_hidden_and_one_within_that_shown(monkeypatch, tmp_path):
    environment = tmp_path / "python"
    secret = environment / "checkout"
    (secret / ".venv").mkdir(parents=True)
    monkeypatch.setattr(sys, "base_prefix", str(environment))
    monkeypatch.setattr(sys, "base_exec_prefix", str(environment))
    monkeypatch.setattr(sys, "prefix", str(secret / ".venv"))
    steps = cage.layout(None, hide=(secret,))
    order = [what for what, _, target in steps if target.startswith(str(environment))]
    assert order == ["bind", "hide", "bind"]


# The same as others.


def as_nobody(command, place):
    """Return `command` as root runs it for user 65534, with Python and the checkout within that user's reach.

    `place` is an empty folder, for mounts that only the command sees.
    """
    script = ["set -e", f"mount -t tmpfs none {place}"]
    for number, path in enumerate((pathlib.Path(sys.base_prefix), ROOT)):
        closed = [folder for folder in reversed(path.parents) if not folder.stat().st_mode & 1]
        if closed:
            script += [f"mkdir {place}/{number}", f"mount --bind {path} {place}/{number}"]
            script += [f"mount -t tmpfs -o mode=755 none {closed[0]}", f"mkdir -p {path}"]
            script += [f"mount --bind {place}/{number} {path}"]
    script += ['exec setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all "$@"']
    return ["unshare", "--mount", "sh", "-c", "\n".join(script), "sh", *command]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root to become someone else")
@pytest.mark.parametrize("way", ["landlock", "bubblewrap"])
def test_everything_holds_for_an_ordinary_user(way, tmp_path):
    if not all(map(shutil.which, ("unshare", "setpriv", "bwrap"))):
        pytest.skip("needs util-linux and bubblewrap")
    home = pathlib.Path(tempfile.mkdtemp(prefix="course-nobody-"))
    os.chown(home, 65534, 65534)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={home}/t", __file__]
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "COURSE_TEST_CAGE": way, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(as_nobody(command, tmp_path), cwd=ROOT, env=env, capture_output=True, text=True)
    finally:
        shutil.rmtree(home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
