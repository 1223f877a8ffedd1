"""A process that has imported torch and IPython once and forks caged kernels.

It listens on a socket of the file system and forks a *branch* for each grader that connects. A branch says its
process id, reads one JSON request a line, forks a kernel for each and answers with a line: the kernel's process id, or
what went wrong. A branch ends with its grader, the nursery at the end of its standard input, and with either end all
that it forked. Neither imports or does anything more, for a fork of a process with threads may hang.

Between a branch and a kernel stands the kernel's *warden*: it enters the new namespaces, waits for the kernel, and
dies with the branch, upon which the system ends the kernel.
"""

import contextlib
import gc
import json
import os
import select
import shutil
import signal
import socket
import sys
import traceback

from course import cage, inside, syscalls

# An IPython kernel, and what it would import at its start.
_KERNEL = (
    "ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "ipykernel.debugger",
    "IPython.core.completerlib", "IPython.core.debugger", "IPython.core.oinspect",
    "IPython.extensions.storemagic", "IPython.utils.wildcard",
)  # fmt: skip


def serve(descriptor: int, names: list[str]) -> None:
    """Import modules by name, then fork a branch for each connection to a listening socket until the input ends.

    Graders may connect from the first moment on; they are answered when all is imported.
    """
    greeting = _prepare(names)
    with socket.socket(fileno=descriptor) as listener:
        while listener in select.select([sys.stdin, listener], [], [])[0]:
            peer = listener.accept()[0]
            if os.fork() == 0:
                listener.close()
                _branch(peer, greeting)
            peer.close()
        shutil.rmtree(os.path.dirname(listener.getsockname()))


def _prepare(names: list[str]) -> dict:
    try:
        inside.preload([*names, *_KERNEL])
        threads = len(os.listdir("/proc/self/task"))
        if threads != 1:
            raise cage.CageError(f"importing {', '.join(names)} started {threads - 1} threads")
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no zombies
        gc.collect()
        gc.freeze()  # forked pages stay shared
    except Exception:
        return {"error": traceback.format_exc()}
    return {}


def _branch(peer: socket.socket, greeting: dict) -> None:
    """Answer the requests of one grader."""
    try:
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        with peer.makefile("rw") as lines:
            print(json.dumps(greeting or {"pid": os.getpid()}), file=lines, flush=True)
            for line in lines:
                ours, theirs = socket.socketpair()
                if os.fork() == 0:
                    ours.close()
                    _warden(json.loads(line), theirs)
                theirs.close()
                answer = _hear(ours).decode()
                ours.close()
                print(answer or '{"error": "the warden died"}', file=lines, flush=True)
    finally:
        os._exit(0)


def _warden(request: dict, answer: socket.socket) -> None:
    """Enter new namespaces, start the kernel in them, and wait for its end."""
    branch, kernel = os.getppid(), 0
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        _forget_descriptors(answer.fileno())
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")  # if memory runs out after all, this goes first
        user = cage.own_user()
        cage.leave(user)
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != branch:
            os._exit(1)
        ours, theirs = socket.socketpair()
        kernel = os.fork()
        if kernel == 0:
            ours.close()
            _kernel(request, user, answer, theirs)
        theirs.close()
        word = _hear(ours)
        if word == b"bound":
            syscalls.seal(inside.SOCKETS)  # its root is ours; nobody can put another socket in place of these
            answer.sendall(json.dumps({"pid": kernel}).encode())
            ours.sendall(b"go")
            ours.close()
        else:
            code = os.waitstatus_to_exitcode(os.waitpid(kernel, 0)[1])
            kernel = 0
            word = word.decode() or f"the kernel died at its start ({code})"
            answer.sendall(json.dumps({"error": word}).encode())
    except BaseException:
        answer.sendall(json.dumps({"error": traceback.format_exc()}).encode())
    finally:
        answer.close()
        if kernel:
            os.waitpid(kernel, 0)
        os._exit(0)


def _kernel(request: dict, user: int | None, answer: socket.socket, warden: socket.socket) -> None:
    """Build the cage, lock it, and run a kernel in it."""
    try:
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        answer.close()
        os.environ.clear()
        os.environ.update(request["environment"])
        cage.furnish(request["root"], request["layout"], request["limits"]["scratch"], user)
        cage.lock(request["layout"], user)
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)  # a change of user takes it back
        inside.limit(request["limits"])
        sys.path.insert(0, inside.MODULES)
        application = inside.make_application(request["connection"], request["limits"]["output"])
        warden.sendall(b"bound")
        warden.shutdown(socket.SHUT_WR)
        if warden.recv(2) != b"go":
            os._exit(1)
        warden.close()
    except BaseException:
        warden.sendall(traceback.format_exc().encode())
        os._exit(1)
    for name in [name for name in sys.modules if name == "course" or name.startswith("course.")]:
        del sys.modules[name]
    try:
        application.start()
    finally:
        os._exit(0)


def _hear(peer: socket.socket) -> bytes:
    """Return what the other side says until it has no more to say."""
    with peer.makefile("rb") as words:
        return words.read()


def _forget_descriptors(keep: int) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in (0, 1, 2, keep):
            with contextlib.suppress(OSError):  # the listing's own
                os.close(int(name))
