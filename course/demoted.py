"""Start an ordinary kernel as another user: what is left of a cage where the system allows no more.

Run as root: ``python demoted.py USER -f CONNECTION_FILE``. The kernel is the same process, so who started it can stop
it. It reads what everybody may read, writes to a folder of its own, and cannot become anybody else again.
"""

import os
import shutil
import sys
import tempfile

NO_NEW_PRIVS = 38  # prctl, linux/prctl.h
LIMITS = {"NPROC": 256, "FSIZE": 64 << 20, "CORE": 0}


def become(user: int) -> None:
    """Give up root's rights for good."""
    import ctypes

    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    if ctypes.CDLL(None).prctl(NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError("no_new_privs was refused")


def stop_all(user: int) -> None:
    """Stop every process of a user, also those that left their group."""
    child = os.fork()
    if child == 0:
        try:
            become(user)
            os.kill(-1, 9)
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def main(user: int, connection_file: str) -> None:
    """Become a user, then a kernel with a copy of the connection file."""
    import resource

    scratch = tempfile.mkdtemp(prefix="kernel-")
    own = shutil.copy(connection_file, os.path.join(scratch, "connection.json"))
    for path in (scratch, own):
        os.chown(path, user, user)
    os.chdir(scratch)
    for name, value in LIMITS.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
    become(user)
    os.umask(0o077)
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG", "OMP_NUM_THREADS") if name in os.environ}
    own_folders = dict.fromkeys(("HOME", "TMPDIR", "IPYTHONDIR", "MPLCONFIGDIR"), scratch) | {"USER": "student"}
    arguments = [sys.executable, "-m", "ipykernel_launcher", "-f", own]
    os.execve(sys.executable, arguments, kept | own_folders)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[3])
