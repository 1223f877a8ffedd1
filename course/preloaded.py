"""The grader's side of the preloaded process: starting one, and asking for kernels; see `course.nursery`."""

import atexit
import contextlib
import json
import os
import pathlib
import select
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import ClassVar

from course import cage, inside

PRELOAD = (
    "torch", "numpy", "matplotlib.pyplot", "matplotlib_inline.backend_inline", "IPython.core.completer",
    "torch._dynamo",  # torch imports it at the first product on "meta" and the first dispatch mode: seconds a kernel
)  # fmt: skip
SHARED = "COURSE_NURSERY"  # names the address of a nursery with `PRELOAD` that all processes of a run may use
_ANSWER_SECONDS = 60


class Nursery:
    """A preloaded process; it ends when it is closed, or when the process does that started it."""

    def __init__(self, preload: tuple[str, ...]) -> None:
        folder = tempfile.gettempdir()  # the path of a socket has no more than 107 characters
        self._place = tempfile.mkdtemp(prefix="nursery-", dir=folder if len(folder) < 80 else "/tmp")
        self.address = f"{self._place}/socket"
        code = "import sys; sys.path.insert(0, sys.argv[1]); from course import nursery; del sys.path[0]"
        package = str(pathlib.Path(__file__).resolve().parents[1])
        settings = inside.environment() | {"HOME": str(pathlib.Path.home()), "TMPDIR": self._place}
        del settings["MPLCONFIGDIR"], settings["IPYTHONDIR"]
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.address)
            listener.listen(128)
            serve = f"nursery.serve({listener.fileno()}, sys.argv[2:])"
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-P", "-c", f"{code}; {serve}", package, *preload],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,  # for modules that print when they are imported
                stderr=subprocess.DEVNULL,
                pass_fds=[listener.fileno()],
                env=settings,
                cwd="/",
                start_new_session=True,  # Ctrl-C is for the grader; the end of its input ends the nursery
            )
        atexit.register(self.close)

    def close(self) -> None:
        """End the nursery, and with it every kernel that it forked."""
        atexit.unregister(self.close)
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        shutil.rmtree(self._place, ignore_errors=True)


@contextlib.contextmanager
def shared_nursery() -> Iterator[Nursery]:
    """Keep a nursery for this process and all that it starts meanwhile."""
    nursery = Nursery(PRELOAD)
    os.environ[SHARED] = nursery.address
    try:
        yield nursery
    finally:
        del os.environ[SHARED]
        nursery.close()


class Branch:
    """The fork of a nursery that forks kernels for this process; see `course.nursery`."""

    _all: ClassVar[dict[tuple, "Branch"]] = {}

    @classmethod
    def of(cls, preload: tuple[str, ...]) -> "Branch":
        """Return this process's branch with these modules, a new one where there is none or it has died."""
        key = (os.getpid(), preload)
        branch = cls._all.get(key)
        if branch is not None and branch.ended():
            branch.close()
            branch = None
        if branch is None:
            branch = cls._all[key] = cls._shared(preload) or cls(Nursery(preload))
        return branch

    @classmethod
    def _shared(cls, preload: tuple[str, ...]) -> "Branch | None":
        if preload == PRELOAD and SHARED in os.environ:
            with contextlib.suppress(OSError, cage.CageError):  # else one of our own is tried
                return cls(os.environ[SHARED])
        return None

    def __init__(self, nursery: Nursery | str) -> None:
        self._nursery = nursery if isinstance(nursery, Nursery) else None
        self._peer = socket.socket(socket.AF_UNIX)
        self._lines = self._peer.makefile("rw")
        try:
            self._peer.connect(nursery if self._nursery is None else nursery.address)
            self._answer()
        except BaseException:
            self.close()
            raise

    def fork(self, **request) -> int:
        """Return the process id of a new kernel; raise CageError where it could not be started."""
        try:
            print(json.dumps(request), file=self._lines, flush=True)
            return self._answer()
        except BaseException:  # Ctrl-C, too: an answer left unread would be taken for that to the next request
            self.close()
            raise

    def _answer(self) -> int:
        line = ""
        if select.select([self._peer], [], [], _ANSWER_SECONDS)[0]:
            line = self._lines.readline()
        answer = json.loads(line or '{"error": "no answer from the preloaded process"}')
        if "error" in answer:
            raise cage.CageError(f"no caged kernel could be started: {answer['error']}")
        return answer["pid"]

    def ended(self) -> bool:
        """Whether it is closed or has died: nothing else can be heard of it unasked."""
        return self._peer.fileno() < 0 or bool(select.select([self._peer], [], [], 0)[0])

    def close(self) -> None:
        """End the branch and every kernel that it forked."""
        with contextlib.suppress(OSError):
            self._lines.close()
        self._peer.close()
        if self._nursery is not None:
            self._nursery.close()
