"""A cage for code that nobody has read: what a kernel may see, write, reach and use up.

Inside there is a root folder of its own that holds Python, the system's libraries, a staged copy of `lib` and a
scratch folder in memory; a network, process table and user of its own; no way to start a process or to open a
socket to the outside; and limits on memory, threads, time and files. Nothing inside can be written but the scratch
folder, which is gone when the kernel is.

Two ways lead there. With Landlock and namespaces, by system calls alone, a kernel can be forked from a process that
has imported torch already; bubblewrap does nearly the same where only it is allowed to, and starts each kernel anew.
"""

import contextlib
import dataclasses
import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from course import syscalls
from course.inside import MODULES, SCRATCH, SOCKETS

_SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/sys/devices/system/cpu")
_DEVICES = ("null", "zero", "full", "random", "urandom")
_SHARED = 16 << 20  # bytes of named shared memory, under bubblewrap
PROGRAM = "/inside.py"
_SEEN = "the folder of the course is in sight"
_LAST_UNUSED_UID = 2_147_483_646  # systemd's table of user ids has nothing from 1 879 048 191 to here


@dataclasses.dataclass(frozen=True)
class Limits:
    """What one kernel may use up.

    Attributes
    ----------
    memory : int
        Bytes of address space beyond those of the imported libraries.
    threads : int
        Threads alive at a time, the kernel's own dozen included.
    cpu : int
        Seconds of processor time.
    file, scratch : int
        Bytes in one file, and in all files of the scratch folder.
    output : int
        Characters printed; what follows is dropped in the kernel.
    message, queue : int
        Bytes in one frame of a message, and messages that wait in the grader until they are read.
    """

    memory: int = 3 << 30
    threads: int = 64
    cpu: int = 900
    file: int = 64 << 20
    scratch: int = 256 << 20
    output: int = 1 << 20
    message: int = 16 << 20
    queue: int = 64


class CageError(RuntimeError):
    """The cage could not be built."""


Layout = list[tuple[str, str, str]]


def layout(lib: str | os.PathLike | None, hide: tuple[str | os.PathLike, ...] = ()) -> Layout:
    """Return what the inside shows, as steps ``(what, source, target)`` in the order they are to be made.

    Parameters
    ----------
    lib : path or None
        The folder that the kernel imports as `lib`.
    hide : tuple of paths
        Folders that must not be seen even where a folder of Python's or of the system's contains them. The folder
        that holds this package is always among them.

    Returns
    -------
    list of (str, str, str)
        `what` is "bind" (show read-only), "link" (a symbolic link) or "hide" (an empty folder).
    """
    python = (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)
    readable = {os.path.abspath(path) for path in (*_SYSTEM, *python) if os.path.exists(path)}
    readable |= {os.path.realpath(path) for path in readable if os.path.dirname(path) != "/"}
    hidden = {os.path.realpath(path) for path in (*hide, *_own_folders()) if os.path.isdir(path)}
    steps: Layout = []
    for path in sorted(readable | hidden, key=lambda path: (path.count("/"), path)):
        over = next((what for what, _, target in reversed(steps) if _inside(path, target)), "hide")
        if path in hidden and over != "hide":
            steps.append(("hide", "", path))
        elif path in readable and path not in hidden and over == "hide":
            steps.append(("link", os.readlink(path), path) if os.path.islink(path) else ("bind", path, path))
    if lib is not None:
        steps.append(("bind", os.path.realpath(lib), f"{MODULES}/lib"))
    return steps


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _own_folders() -> list[pathlib.Path]:
    """Return the checkout this package lies in, or, where it is installed, the packages themselves."""
    parent = pathlib.Path(__file__).resolve().parents[1]
    if (parent / "pyproject.toml").exists() or (parent / ".git").exists():
        return [parent]
    return [parent / name for name in ("course", "lib", "tests")]


def own_user() -> int | None:
    """Return a user id that nobody has, for one kernel, where the caller is root; else None.

    Limits on processes do not bind root, and root may read and write what belongs to root, capabilities or not.
    """
    if os.geteuid() != 0:
        return None
    with open("/proc/self/uid_map") as ranges:
        first, _, count = max((tuple(map(int, line.split())) for line in ranges), key=lambda entry: entry[2])
    last = min(first + count - 1, _LAST_UNUSED_UID)
    return last - os.getpid() % min(100_000_000, max(1, count // 2))


def leave(user: int | None) -> None:
    """Move the calling process to namespaces of its own; its next child is the first process in there."""
    spaces = syscalls.CLONE_NEWNS | syscalls.CLONE_NEWPID | syscalls.CLONE_NEWNET
    spaces |= syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS
    if user is not None:
        syscalls.unshare(spaces)
        return
    uid, gid = os.geteuid(), os.getegid()
    syscalls.unshare(spaces | syscalls.CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def furnish(root: str, steps: Layout, scratch: int, user: int | None) -> None:
    """Build the inside on the empty folder `root` and make it the root. Call it in the child that `leave` is for."""
    private = syscalls.MS_NOSUID | syscalls.MS_NODEV
    syscalls.mount(None, "/", flags=syscalls.MS_REC | syscalls.MS_PRIVATE)
    syscalls.mount("cage", root, "tmpfs", private, "size=1m,mode=755")
    for what, source, target in steps:
        place = root + target
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if what == "link":
            os.symlink(source, place)
            continue
        _make_place(place, source or "/")
        if what == "hide":
            syscalls.mount("hidden", place, "tmpfs", private, "size=64k,mode=755")
        else:
            syscalls.mount(source, place, flags=syscalls.MS_BIND | syscalls.MS_REC)
            syscalls.seal(place, recursive=True)
    for name in _DEVICES:
        _make_place(f"{root}/dev/{name}", f"/dev/{name}")
        syscalls.mount(f"/dev/{name}", f"{root}/dev/{name}", flags=syscalls.MS_BIND)
    for link in ("/tmp", "/dev/shm"):
        if not os.path.lexists(root + link):  # Python itself may lie there
            os.symlink(SCRATCH, root + link)
    for folder, options in ((SCRATCH, f"size={scratch},nr_inodes=20000"), (SOCKETS, "size=64k,nr_inodes=64")):
        os.makedirs(root + folder)
        syscalls.mount("scratch", root + folder, "tmpfs", private, options + ",mode=700")
        if user is not None:
            os.chown(root + folder, user, user)
    os.mkdir(f"{root}/proc")
    syscalls.mount("proc", f"{root}/proc", "proc", private | syscalls.MS_NOEXEC | syscalls.MS_RDONLY)
    for what, _, target in steps:
        if what == "hide":
            syscalls.seal(root + target)
    syscalls.change_root(root)
    syscalls.seal("/")
    os.chdir(SCRATCH)


def _make_place(place: str, like: str) -> None:
    os.makedirs(place if os.path.isdir(like) else os.path.dirname(place), exist_ok=True)
    if not os.path.isdir(like) and not os.path.exists(place):
        os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o444))


def lock(steps: Layout, user: int | None) -> None:
    """Give up every right for good: user, capabilities, files, system calls. The last step before foreign code."""
    syscalls.bound_capabilities()
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    syscalls.drop_capabilities()
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    readable = [target for _, _, target in steps] + [MODULES, "/proc"]
    syscalls.landlock(readable, [SCRATCH, SOCKETS, *(f"/dev/{name}" for name in _DEVICES)])
    syscalls.install_filter()


def bubblewrap(steps: Layout, limits: Limits, settings: dict[str, str], filter_fd: int, info_fd: int) -> list[str]:
    """Return the bubblewrap command that builds the same inside; the program to run is to be appended."""
    command = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--as-pid-1", "--clearenv"]
    inside_file = str(pathlib.Path(__file__).with_name("inside.py"))
    for what, source, target in steps:
        if what == "link":
            command += ["--symlink", source, target]
        else:
            command += ["--tmpfs", target] if what == "hide" else ["--ro-bind", source, target]
    command += ["--proc", "/proc", "--dev", "/dev", "--size", str(limits.scratch), "--tmpfs", SCRATCH]
    command += [] if any(_inside(target, "/tmp") for _, _, target in steps) else ["--symlink", SCRATCH, "/tmp"]
    for what, _, target in steps:
        command += ["--remount-ro", target] if what == "hide" else []
    command += ["--size", str(_SHARED), "--tmpfs", "/dev/shm", "--ro-bind", inside_file, PROGRAM]
    command += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", SCRATCH, "--cap-drop", "ALL"]
    for name, value in settings.items():
        command += ["--setenv", name, value]
    return [*command, "--seccomp", str(filter_fd), "--info-fd", str(info_fd)]


@functools.cache
def status() -> tuple[str | None, str]:
    """Return the way that works here, "landlock", "bubblewrap" or None, and why none of the better ones does.

    Each way is tried, not guessed: the trial builds a cage and looks around in it.
    """
    if sys.platform != "linux":
        return None, f"the cage needs Linux, this is {sys.platform}"
    if not syscalls.supported():
        return None, "the cage knows the system calls of x86-64 and 64-bit ARM processors only"
    reasons = []
    for way, trial in (("landlock", _try_landlock), ("bubblewrap", _try_bubblewrap)):
        try:
            trial()
        except (OSError, CageError, subprocess.SubprocessError) as error:
            reasons.append(f"{way}: {error}")
        else:
            return way, "; ".join(reasons)
    return None, "; ".join(reasons)


def available() -> str | None:
    """Return "landlock", "bubblewrap" or None: the way a kernel can be caged on this system."""
    return status()[0]


def _try_landlock(steps: Layout | None = None) -> None:
    if not syscalls.landlock_version():
        raise CageError("this Linux was built or started without it (5.13 or later can have it)")
    code = "import sys; sys.path.insert(0, sys.argv[1]); from course import cage; cage._trial(*sys.argv[2:])"
    package = str(pathlib.Path(__file__).resolve().parents[1])
    with tempfile.TemporaryDirectory() as root:
        _run_trial([sys.executable, "-s", "-P", "-c", code, package, root, json.dumps(steps or layout(None))])


def _try_bubblewrap(steps: Layout | None = None) -> None:
    if shutil.which("bwrap") is None:
        raise CageError("bwrap is not installed")
    if os.geteuid() == 0:
        raise CageError("a kernel that root starts this way stays root; start it as an ordinary user")
    code = f"import os; print({_SEEN!r} if os.path.exists({__file__!r}) else 'caged')"
    with memory_file(syscalls.filter_program()) as rules:
        command = bubblewrap(steps or layout(None), Limits(), {}, rules, 2)
        _run_trial([*command, sys.executable, "-I", "-S", "-c", code], pass_fds=(rules,))


def _run_trial(command: list[str], **options) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, **options)
    if done.stdout != "caged\n":
        lines = (done.stdout or done.stderr).strip().splitlines()
        raise CageError(lines[-1] if lines else f"the trial ended with {done.returncode}")


def _trial(root: str, layout_text: str) -> None:
    user, steps = own_user(), json.loads(layout_text)
    leave(user)
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        furnish(root, steps, 1 << 20, user)
        lock(steps, user)
        os.write(1, f"{_SEEN if os.path.exists(__file__) else 'caged'}\n".encode())
    except OSError as error:
        os.write(2, f"{error}\n".encode())
    finally:
        os._exit(0)


@contextlib.contextmanager
def memory_file(content: bytes):
    """Give the descriptor of an open file, without a name, that holds `content`."""
    inode = os.memfd_create("cage")
    try:
        os.write(inode, content)
        os.lseek(inode, 0, os.SEEK_SET)
        yield inode
    finally:
        os.close(inode)
