"""What runs inside the cage: limits on the process, then an ordinary IPython kernel.

This file is the only one of the course that a caged kernel carries, and it uses nothing else of it.
"""

import importlib
import json
import os
import resource
import sys
import tempfile
import threading

SCRATCH = "/scratch"
SOCKETS = SCRATCH + "/.kernel"
MODULES = "/course"  # `lib` lies in here
_CUT = "\n[further output was dropped]\n"


def preload(names: list[str]) -> None:
    """Import modules by name; what is not installed is left out."""
    for name in names:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name and not name.startswith(f"{error.name}."):
                raise


def limit(limits: dict[str, int]) -> None:
    """Set the limits of this process; memory is counted on top of what it has already."""
    with open("/proc/self/statm") as statm:
        present = int(statm.read().split()[0]) * resource.getpagesize()
    for name, value in (
        ("AS", present + limits["memory"]),
        ("NPROC", limits["threads"]),
        ("CPU", limits["cpu"]),
        ("FSIZE", limits["file"]),
        ("NOFILE", 256),
        ("CORE", 0),
        ("MSGQUEUE", 0),
        ("MEMLOCK", 0),
    ):
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))


def environment(threads: int = 1) -> dict[str, str]:
    """Return the environment of a kernel: nothing of the grader's own."""
    counts = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    folders = dict.fromkeys(("HOME", "TMPDIR", "IPYTHONDIR", "MPLCONFIGDIR"), SCRATCH)
    return counts | folders | {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "USER": "student", "PYTHONHASHSEED": "0"}


def make_application(connection: dict, output: int):
    """Return a kernel application, bound to its sockets and not yet listening.

    Parameters
    ----------
    connection : dict
        What a Jupyter connection file holds.
    output : int
        Characters that may be printed before the rest is dropped.
    """
    from ipykernel import kernelapp
    from ipykernel.iostream import IOPubThread, OutStream

    class Publisher(IOPubThread):
        """Without the TCP port on which an ordinary kernel hears processes that it forks: here it forks none."""

        def __init__(self, socket, pipe=False, **options):
            super().__init__(socket, pipe=False, **options)

    class CappedStream(OutStream):
        left, lock = output, threading.Lock()

        def write(self, string):
            with CappedStream.lock:
                room, CappedStream.left = CappedStream.left, max(0, CappedStream.left - len(str(string)))
            if room > 0:
                kept = string if len(string) <= room else string[:room] + _CUT
                super().write(kept)
            return len(string)

    tempfile.tempdir = None  # the preloaded process may have looked for one out there
    module = sys.modules.setdefault("_capped", type(sys)("_capped"))
    module.CappedStream = CappedStream
    path = f"{SOCKETS}/connection.json"
    with open(path, "w") as file:
        json.dump(connection, file)
    kernelapp.IOPubThread = Publisher
    application = kernelapp.IPKernelApp.instance(
        outstream_class="_capped.CappedStream", capture_fd_output=False, connection_file=path
    )
    application.initialize(["--HistoryManager.enabled=False", "--IPCompleter.use_jedi=False"])
    del sys.modules["_capped"]
    os.remove(path)
    return application


def main() -> None:
    """Run one kernel, as bubblewrap starts it: the request is on standard input."""
    request = json.loads(sys.stdin.readline())
    ready, nowhere = os.dup(1), os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)  # ipykernel says something there
    preload(request["preload"])
    os.makedirs(SOCKETS, exist_ok=True)
    os.chdir(SCRATCH)
    limit(request["limits"])
    sys.path.insert(0, MODULES)
    application = make_application(request["connection"], request["limits"]["output"])
    os.write(ready, b"ready\n")
    for descriptor in (0, 2, ready):
        os.dup2(nowhere, descriptor)
    application.start()


if __name__ == "__main__":
    main()
