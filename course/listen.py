"""How the grader listens to a kernel: to a fair deadline, to answers only, and to nothing without end.

A kernel runs foreign code that knows the key with which messages are signed, so nothing that arrives is taken for
granted: what is no sound message is dropped, and what is too much stops the kernel.
"""

import os
import time
from contextlib import suppress
from pathlib import Path
from queue import Empty

import nbval.kernel

MIME = "application/vnd.course+json"
SIZE_LIMIT = 50 << 20  # bytes that one cell may send before its kernel is stopped
MEMORY_LIMIT = 1 << 30  # bytes that this process may grow by meanwhile: an unfinished message is not seen, but held
PATIENCE = 5  # how many times its time a kernel may take on a machine that has no processor for it
OVERHEAD = 1000  # bytes that any message takes at least
# The messages that count, and what nbval reads in them.
KEPT = {
    "status": {"execution_state": str},
    "display_data": {"data": dict, "metadata": dict},
    "error": {"ename": str, "evalue": str, "traceback": list},
}


class GradedKernel(nbval.kernel.RunningKernel):
    """nbval's kernel with a true deadline: a dead or silent kernel costs seconds, not the full timeout.

    Attributes
    ----------
    took : float
        Seconds that the last cell took, those left out in which the kernel waited for a processor.
    """

    def __init__(self, start) -> None:
        self.km, self.kc = start()
        self.received: list[dict] = []
        self.size, self.took, self.late = 0, 0.0, False
        self.most = _resident() + MEMORY_LIMIT

    def get_message(self, stream: str, timeout: float | None = None) -> dict:
        """The next message of a channel, or an empty one in place of what is no message."""
        if _resident() > self.most:
            raise RuntimeError("the kernel sent without end")
        socket = getattr(self.kc, f"{stream}_channel").socket
        if not socket.poll(int(1000 * (timeout or 0))):
            raise Empty
        frames = socket.recv_multipart()
        self.size += sum(map(len, frames)) + OVERHEAD
        if self.size > SIZE_LIMIT:
            raise RuntimeError("the kernel printed without end")
        with suppress(Exception):  # unsigned, cut short, no JSON, nested too deeply, …: whatever forgers think of
            message = self.kc.session.deserialize(self.kc.session.feed_identities(frames)[1])
            if isinstance(message["parent_header"], dict) and isinstance(message["content"], dict):
                return message
        return {"msg_type": "", "parent_header": {}, "content": {}}

    def await_reply(self, msg_id: str, timeout: float | None = None) -> None:
        """Wait for a reply; meanwhile keep what counts of what the kernel publishes.

        Raises
        ------
        Empty
            The cell took more than ``timeout`` seconds.
        RuntimeError
            The kernel died, or sent too much.
        """
        limit = timeout or 60
        self.received, self.size, self.took, self.late = [], 0, 0.0, False
        begun, waited = time.monotonic(), self._waited()
        while not self.late:
            passed = time.monotonic() - begun
            self.took = max(passed - (self._waited() - waited), passed / PATIENCE)
            self.late = self.took > limit  # known before the last look, should this process have slept
            self._drain()
            try:
                message = self.get_message("shell", timeout=0.05)
            except Empty:
                if not self.is_alive():
                    raise RuntimeError("the kernel died") from None
                continue
            if message["parent_header"].get("msg_id") == msg_id:
                self.late = False
                return
        raise Empty

    def _waited(self) -> float:
        """Seconds that the kernel has stood in line for a processor; 0 where the system does not say."""
        try:
            return int(Path(f"/proc/{self.km.provisioner.pid}/schedstat").read_text().split()[1]) / 1e9
        except (OSError, ValueError, IndexError):
            return 0.0

    def _drain(self) -> None:
        for _ in range(200):
            try:
                self._keep(self.get_message("iopub"))
            except Empty:
                return

    def _keep(self, message: dict) -> None:
        """Keep a message if it counts; the rest is output."""
        kind, content = message["msg_type"], message["content"]
        fields = KEPT.get(kind) if isinstance(kind, str) else None
        if fields and all(isinstance(content.get(name), type_) for name, type_ in fields.items()):
            if kind == "display_data" and MIME not in content["data"]:
                return
            self.received.append(message)

    def next_published(self, timeout: float) -> dict:
        """The next message that the kernel published and that counts; none is waited for after the deadline."""
        end = time.monotonic() + timeout
        while not self.received:
            left = end - time.monotonic()
            if left <= 0 or self.late:
                raise Empty
            with suppress(Empty):
                self._keep(self.get_message("iopub", timeout=min(left, 0.05)))
        return self.received.pop(0)

    def interrupt(self) -> None:
        """Nothing: a cell that took too long has nothing more to say, and its kernel is stopped."""

    def stop(self) -> None:
        """End the kernel, dead or alive, and all that was opened for it."""
        if hasattr(self, "km"):
            super().stop()


def _resident() -> int:
    """Bytes of memory that this process holds; 0 where the system does not say."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
