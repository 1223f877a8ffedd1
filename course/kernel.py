"""Kernels for the grader: forked from a preloaded process into a cage, or, on request, ordinary ones.

`prepare` writes a kernel spec and returns its name; whatever starts kernels through `jupyter_client` (nbval,
nbclient) can then use that name. The spec names the provisioner of `course.provisioner`, which importing this module
registers.
"""

import dataclasses
import json
import os
import pathlib
import sys
import time
import uuid
from queue import Empty

from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager
from nbval.kernel import NbvalKernelspecManager

from course import cage, demoted, provisioner
from course.preloaded import PRELOAD


def prepare(
    folder: str | os.PathLike,
    lib: str | os.PathLike,
    *,
    caged: bool = True,
    limits: cage.Limits | None = None,
    preload: tuple[str, ...] = PRELOAD,
    hide: tuple[str | os.PathLike, ...] = (),
    user: int | None = None,
) -> str:
    """Make a kernel spec for one run of the grader and return its name.

    The folder is put on ``JUPYTER_PATH`` of this process, where every later look for kernels finds it.

    Parameters
    ----------
    folder : path
        A folder private to the run; the spec goes to ``kernels/`` in it, and each kernel has its link to the outside
        there, under /tmp where the path is long. Remove it after the run.
    lib : path
        What the kernel is to import as `lib`: a copy without the references that are being graded. Its last part
        must be ``lib``. The rest of the course, and the original of this folder, cannot be seen from the cage.
    caged : bool
        False for an ordinary kernel with the rights of the caller: only for work that the caller trusts.
    limits : Limits, optional
        What one kernel may use up.
    preload : tuple of str
        Modules that a forked kernel has imported already. They must not start threads.
    hide : tuple of paths
        Further folders to hide, should one lie in a folder of Python's or the system's.
    user : int, optional
        The user, by number, that an ordinary kernel becomes; this takes root.

    Raises
    ------
    CageError
        If a cage is asked for and this system cannot build one; the message says why.
    """
    lib = pathlib.Path(lib).resolve()
    if lib.name != "lib" or not lib.is_dir():
        raise ValueError(f"{lib} is not a folder named lib")
    spec = {"argv": [], "display_name": "Course", "language": "python", "interrupt_mode": "signal", "metadata": {}}
    if caged:
        way, reason = cage.status()
        if os.geteuid() == 0:  # each kernel is a user of its own
            for path in filter(pathlib.Path.exists, (lib, *lib.rglob("*"))):
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
        if way is None:
            raise cage.CageError(
                f"Submissions are foreign code, and this system cannot cage it ({reason}). "
                "Grade on Linux with user namespaces or bubblewrap, or, if you trust every submission with this "
                "account, repeat the command with --no-sandbox."
            )
        config = {
            "way": way,
            "folder": str(pathlib.Path(folder).resolve()),
            "layout": cage.layout(lib, hide),
            "limits": dataclasses.asdict(limits or cage.Limits()),
            "preload": list(preload),
        }
        spec["metadata"] = {"kernel_provisioner": {"provisioner_name": provisioner.NAME, "config": {"cage": config}}}
    else:
        start = ["-m", "ipykernel_launcher"] if user is None else ["-I", demoted.__file__, str(user)]
        spec["argv"] = [sys.executable, *start, "-f", "{connection_file}"]
        for path in (lib, *lib.rglob("*"), *lib.parents[:2]) if user is not None else ():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
        spec["env"] = {"PYTHONPATH": str(lib.parent), "OMP_NUM_THREADS": "1"}
    name = f"course-{uuid.uuid4().hex[:12]}"
    place = pathlib.Path(folder).resolve() / "kernels" / name
    place.mkdir(parents=True)
    (place / "kernel.json").write_text(json.dumps(spec))
    paths = os.environ.get("JUPYTER_PATH", "").split(os.pathsep)
    if str(place.parents[1]) not in paths:
        os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [str(place.parents[1]), *paths]))
    return name


def start_new_kernel(
    startup_timeout: float = 60, kernel_name: str = "python", **options
) -> tuple[KernelManager, BlockingKernelClient]:
    """Start a kernel and return its manager and a client, ready for use; a stand-in for nbval's function.

    A caged kernel listens when its process id is known, and says welcome to who listens to its output. That takes the
    place of the 0.2 s of silence by which `jupyter_client` convinces itself that a kernel is ready.

    Raises
    ------
    CageError
        If a cage could not be built.
    RuntimeError
        If the kernel was not ready in time.
    """
    manager = KernelManager(kernel_name=kernel_name, kernel_spec_manager=NbvalKernelspecManager())
    manager.start_kernel(**options)
    client = manager.client()
    client.start_channels()
    try:
        if isinstance(manager.provisioner, provisioner.CagedProvisioner):
            _await_welcome(client, startup_timeout)
        else:
            client.wait_for_ready(timeout=startup_timeout)
    except BaseException:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        raise
    return manager, client


def _await_welcome(client: BlockingKernelClient, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    try:
        while client.get_iopub_msg(timeout=max(0, deadline - time.monotonic()))["msg_type"] != "iopub_welcome":
            pass
    except Empty:
        raise RuntimeError(f"the kernel said nothing for {seconds} seconds") from None
