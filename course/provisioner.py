"""How `jupyter_client` comes by a caged kernel: the provisioner that it finds by name."""

import asyncio
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import weakref
from importlib.metadata import EntryPoint

import zmq
from jupyter_client.provisioning import KernelProvisionerBase, KernelProvisionerFactory
from traitlets import Dict

from course import cage, inside
from course.preloaded import Branch

NAME = "course-cage"
_ANSWER_SECONDS = 60


class CagedProvisioner(KernelProvisionerBase):
    """Starts kernels in a cage, for `jupyter_client`. The grader reaches them over sockets that lie inside."""

    cage = Dict().tag(config=True)
    _place: str | None = None  # holds the mount point, and a link to the sockets
    _pidfd: int | None = None
    _wrap: subprocess.Popen | None = None

    @property
    def has_process(self) -> bool:
        return self._pidfd is not None

    async def pre_launch(self, **kwargs):
        manager = self.parent
        if self._place is None:
            folder = self.cage["folder"]  # the path of a socket has no more than 107 characters
            self._place = tempfile.mkdtemp(prefix="cage-", dir=folder if len(folder) < 80 else "/tmp")
            os.mkdir(f"{self._place}/root")
            weakref.finalize(self, shutil.rmtree, self._place, ignore_errors=True)
        manager.transport, manager.ip = "ipc", f"{self._place}/in/k"
        for number, channel in enumerate(("shell", "iopub", "stdin", "hb", "control"), 1):
            setattr(manager, f"{channel}_port", number)
        manager.connection_file = f"{self._place}/connection.json"
        manager.write_connection_file()
        # The kernel writes to these sockets what it likes; bound what waits here.
        manager.context.setsockopt(zmq.MAXMSGSIZE, self.cage["limits"]["message"])
        manager.context.setsockopt(zmq.RCVHWM, self.cage["limits"]["queue"])
        self.connection_info = manager.get_connection_info()
        return await super().pre_launch(cmd=[], **kwargs)

    async def launch_kernel(self, cmd, **kwargs):
        info = dict(self.connection_info, ip=f"{inside.SOCKETS}/k", key=self.connection_info["key"].decode())
        request = {
            "connection": {name: info[name] for name in info if name.endswith("_port")}
            | {name: info[name] for name in ("transport", "ip", "key", "signature_scheme")},
            "limits": self.cage["limits"],
            "layout": self.cage["layout"],
            "environment": inside.environment(),
            "root": f"{self._place}/root",
        }
        if self.cage["way"] == "landlock":
            pid = Branch.of(tuple(self.cage["preload"])).fork(**request)
        else:
            pid = self._start_bubblewrap(request)
        with contextlib.suppress(FileNotFoundError):
            os.remove(f"{self._place}/in")
        os.symlink(f"/proc/{pid}/root{inside.SOCKETS}", f"{self._place}/in")
        self.pid, self._pidfd = pid, os.pidfd_open(pid)
        return self.connection_info

    def _start_bubblewrap(self, request: dict) -> int:
        limits = cage.Limits(**request["limits"])
        read_end, write_end = os.pipe()
        with cage.memory_file(cage.syscalls.filter_program()) as rules, tempfile.TemporaryFile() as errors:
            command = cage.bubblewrap(request["layout"], limits, request["environment"], rules, write_end)
            self._wrap = subprocess.Popen(
                [*command, sys.executable, "-s", "-P", cage.PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                pass_fds=(rules, write_end),
            )
            os.close(write_end)
            with contextlib.suppress(BrokenPipeError), self._wrap.stdin as pipe:
                pipe.write(json.dumps(request | {"preload": self.cage["preload"]}).encode() + b"\n")
            with open(read_end, "rb") as pipe, self._wrap.stdout as output:
                started = json.loads(pipe.read() or b"{}")
                in_time = select.select([output], [], [], _ANSWER_SECONDS)[0]
                if not in_time or output.readline() != b"ready\n":
                    self._wrap.kill()
                    self._wrap.wait()
                    errors.seek(0)
                    raise cage.CageError(f"no caged kernel could be started: {errors.read().decode()}")
        return started["child-pid"]

    def _ended(self) -> bool:
        return self._pidfd is None or bool(select.select([self._pidfd], [], [], 0)[0])

    async def poll(self):
        return 0 if self._ended() else None

    async def wait(self):
        while not self._ended():
            await asyncio.sleep(0.005)
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        if self._wrap is not None:
            self._wrap.wait()
        return 0

    async def send_signal(self, signum):
        if not self._ended():
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signum)

    async def kill(self, restart=False):
        await self.send_signal(signal.SIGKILL)
        for _ in range(1000):  # else jupyter_client looks again only after 0.1 s
            if self._ended():
                break
            await asyncio.sleep(0.002)

    async def terminate(self, restart=False):
        await self.kill(restart)  # the first process of a namespace would ignore a milder signal

    async def cleanup(self, restart=False):
        if self._place is not None and not restart:
            shutil.rmtree(self._place, ignore_errors=True)
            self._place = None


KernelProvisionerFactory.provisioners[NAME] = EntryPoint(
    NAME, f"{__name__}:{CagedProvisioner.__name__}", KernelProvisionerFactory.GROUP_NAME
)
