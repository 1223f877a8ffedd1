"""How the grader listens to a kernel: to a true deadline, to answers only, and not to endless output."""

import time
from queue import Empty

import nbval.kernel

MIME = "application/vnd.course+json"
STREAM_LIMIT = 50 << 20  # bytes of output that one cell may send before its kernel is stopped


class GradedKernel(nbval.kernel.RunningKernel):
    """nbval's kernel with a true deadline: a dead or silent kernel costs seconds, not the full timeout."""

    def __init__(self, start) -> None:
        self.km, self.kc = start()
        self.received: list[dict] = []
        self.bytes = 0

    def await_reply(self, msg_id: str, timeout: float | None = None) -> None:
        """Wait for a reply; meanwhile keep what the kernel publishes, and drop what it prints."""
        end = time.monotonic() + (timeout or 60)
        self.received, self.bytes = [], 0
        while time.monotonic() < end:
            self._drain()
            try:
                message = self.get_message("shell", timeout=0.05)
            except Empty:
                if not self.is_alive():
                    raise RuntimeError("the kernel died") from None
                continue
            if message["parent_header"].get("msg_id") == msg_id:
                return
        raise Empty

    def _drain(self) -> None:
        for _ in range(200):
            try:
                message = self.get_message("iopub", timeout=0)
            except Empty:
                return
            self._keep(message)

    def _keep(self, message: dict) -> bool:
        """Keep a message unless it is output; stop a kernel that does not stop printing."""
        if message["msg_type"] == "stream":
            self.bytes += len(message["content"].get("text", ""))
        elif message["msg_type"] in ("display_data", "execute_result") and MIME not in message["content"]["data"]:
            self.bytes += len(str(message["content"]["data"]))
        else:
            self.received.append(message)
            return True
        if self.bytes > STREAM_LIMIT:
            raise RuntimeError("the kernel printed without end")
        return False

    def next_published(self, timeout: float) -> dict:
        """The next message that the kernel published, output left out."""
        end = time.monotonic() + timeout
        while not self.received:
            left = end - time.monotonic()
            if left <= 0:
                raise Empty
            self._keep(self.get_message("iopub", timeout=left))
        return self.received.pop(0)

    def stop(self) -> None:
        if hasattr(self, "km"):
            super().stop()
