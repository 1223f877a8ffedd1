"""Hostile and broken submissions of lesson 1, as test data: what each does, and what it may cost.

A case hands in three exercises or a few more. What its entry names may lose its points, and nothing else.
Capital words between @ signs stand for what only the test knows: the path of a file outside, a port.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from course.lessons import LESSONS
from tests.submissions import submission

TILING = LESSONS["01_tiling"]
THREE = ("tmul", "tile_traffic", "largest_tile")
HEAD = "def tile_traffic(m, k, n, t):\n"
FORGE = (
    "    shell = get_ipython()\n    kernel = shell.kernel\n    session, parent = kernel.session, shell.parent_header\n"
)
RAW = "    pack = lambda *parts: [session.sign(list(parts)), *parts]\n    raw = kernel.iopub_socket.send_multipart\n"
ANSWER = (
    "{'application/vnd.course+json': "
    "{'value': {'kind': 'list', 'items': [{'kind': 'int', 'value': '7'}] * 6}, 'forbidden': []}}"
)


@dataclass(frozen=True)
class Entry:
    """A submission and what becomes of it.

    Attributes
    ----------
    content
        A dict of blanks by exercise, or a function that makes the file of a good notebook.
    status : dict of str to str
        The exercises that are not right, and their statuses; of several, any will do: ``"wrong crashed"``.
    keep : tuple of str
        The exercises that are handed in.
    """

    content: dict[str, str] | Callable[[dict], Any]
    status: dict[str, str] = field(default_factory=dict)
    keep: tuple[str, ...] = THREE


def handed_in(entry: Entry) -> Any:
    """The file of a submission: a notebook as a dict, text or bytes."""
    answers = entry.content if isinstance(entry.content, dict) else {}
    nb = submission(TILING, answers)
    nb["cells"] = [c for c in nb["cells"] if c["metadata"].get("exercise") in entry.keep]
    return nb if isinstance(entry.content, dict) else entry.content(nb)


def traffic(body: str, status: str, before: str = "", head: str = HEAD, keep: tuple[str, ...] = THREE) -> Entry:
    """A bad ``tile_traffic``, given its body and what stands before it in its cell."""
    text = "".join(f"    {line}\n" for line in body.splitlines())
    return Entry({"tile_traffic": before + head + text}, {"tile_traffic": status}, keep)


def top(code: str, status: str) -> Entry:
    """A cell that does harm as it runs, and then defines a wrong ``tile_traffic``."""
    return traffic("return 7", status, before=code + "\n")


def forged(code: str, status: str, head: str = FORGE + RAW) -> Entry:
    """A wrong ``tile_traffic`` that sends messages of its own."""
    return traffic(code + "\nreturn 7", status, head=HEAD + head)


def right_but(code: str, exercise: str = "tile_traffic") -> Entry:
    """The right answer, and something odd beside it that costs nothing."""
    cell = next(c for c in submission(TILING, {})["cells"] if c["metadata"].get("exercise") == exercise)
    return Entry({exercise: code + "\n" + "".join(cell["source"])})


LOOP = "while True:\n    pass"
DEAF = "import signal\nfor number in range(1, 32):\n    try:\n        signal.signal(number, signal.SIG_IGN)\n"
DEAF += "    except (OSError, ValueError):\n        pass\n"
FRAMES = (
    "import gc, sys\nfound, frame = [], sys._getframe()\nwhile frame:\n    found.append(frame.f_globals)\n"
    "    found.append(frame.f_locals)\n    frame = frame.f_back\n"
)

CASES = {
    # Without end
    "loop": traffic(LOOP, "timed out"),
    "loop-deaf-to-signals": traffic(LOOP, "timed out", before=DEAF),
    "loop-in-c": traffic("return sum(iter(int, 1))", "timed out"),
    "sleep": traffic("import time\ntime.sleep(1000)", "timed out"),
    "loop-in-a-cell": top(LOOP, "timed out"),
    "loop-swallowing-everything": traffic(
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass", "timed out"
    ),
    "recursion-without-end": top(
        "import sys\nsys.setrecursionlimit(10**9)\ndef deep(n):\n    return deep(n + 1)\ndeep(0)",
        "wrong crashed timed out",
    ),
    # The end of the kernel
    "exit-in-a-cell": top("import os\nos._exit(0)", "crashed"),
    "exit-in-a-function": traffic("import os\nos._exit(0)", "crashed"),
    "exit-later": top(
        "import os, threading, time\ndef bye():\n    time.sleep(0.2)\n    os._exit(0)\n"
        "threading.Thread(target=bye).start()",
        "wrong crashed",
    ),
    "segmentation-fault": traffic("import ctypes\nctypes.string_at(0)", "crashed"),
    "kernel-told-to-stop": traffic(
        # Whether it ends, or lives on and is silent, is a race between its threads.
        "get_ipython().kernel.io_loop.stop()\nget_ipython().ask_exit()\nquit()",
        "wrong crashed timed out",
    ),
    "parent-killed": traffic(
        "import os, signal\nfor pid in (os.getppid(), -1, 0, *range(1, 200)):\n    try:\n"
        "        os.kill(pid, signal.SIGKILL)\n    except OSError:\n        pass\nreturn 7",
        "wrong crashed",
    ),
    # Too much
    "memory-bomb": traffic("held = []\nwhile True:\n    held.append(bytearray(1 << 26))", "wrong crashed timed out"),
    "thread-flood": traffic(
        "import threading, time\nfor _ in range(10_000):\n"
        "    threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()",
        "wrong",
    ),
    "process-flood": traffic("import os\nwhile True:\n    os.fork()", "wrong"),
    "subprocess": traffic("import subprocess\nreturn subprocess.run(['/bin/true']).returncode", "wrong"),
    "disk-flood": traffic(
        "with open('x', 'wb') as file:\n    while True:\n        file.write(bytes(1 << 24))", "wrong"
    ),
    "output-flood": traffic("while True:\n    print('x' * 100_000)", "wrong crashed timed out"),
    "display-flood": traffic(
        "while True:\n    get_ipython().display_pub.publish({'text/plain': 'x' * (8 << 20)})", "crashed"
    ),
    "huge-answer": traffic("return torch.zeros(1 << 24)", "wrong"),
    "huge-number": Entry(
        {"roofline": "def roofline(i, p, b):\n    return 10 ** 900"}, {"roofline": "wrong"}, (*THREE, "roofline")
    ),
    # What lies outside
    "writes-outside": traffic(
        "for path in ('@OUTSIDE@', '@BAIT@', '/usr/../@OUTSIDE@', '/etc/hosts', torch.__file__):\n    try:\n"
        "        open(path, 'a').write('tampered')\n    except OSError:\n        pass\nreturn 7",
        "wrong",
    ),
    "deletes-outside": traffic(
        "import shutil\nshutil.rmtree('@FOLDER@', ignore_errors=True)\n"
        "shutil.rmtree('/', ignore_errors=True)\nreturn 7",
        "wrong",
    ),
    "reads-the-checks": traffic(
        "import glob, importlib, sys\nsys.path[:0] = ['@ROOT@', *glob.glob('/*'), *glob.glob('/proc/*/cwd')]\n"
        "for name in ('lib.tiling', 'tests.hidden.tiling', 'course.lessons', 'tests.mistakes.tiling'):\n    try:\n"
        "        found = importlib.import_module(name)\n        if hasattr(found, 'tile_traffic'):\n"
        "            return found.tile_traffic(m, k, n, t)\n        return open(found.__file__).read()\n"
        "    except ImportError:\n        pass\nreturn open('@BAIT@').read()",
        "wrong",
    ),
    "network": traffic(
        "import socket\nfor family, place in ((socket.AF_INET, ('127.0.0.1', @PORT@)), (socket.AF_UNIX, '@SOCKET@')):\n"
        "    try:\n        socket.socket(family).connect(place)\n    except OSError:\n        pass\nreturn 7",
        "wrong",
    ),
    # The check, from within
    "reference-sought-in-frames": traffic(
        FRAMES + "found += [f.__globals__ for f in gc.get_objects() if hasattr(f, '__globals__')]\n"
        "for space in found:\n    other = space.get('tile_traffic')\n"
        "    if callable(other) and other is not tile_traffic:\n        return other(m, k, n, t)\nreturn 7",
        "wrong",
    ),
    "check-told-in-an-error": traffic(
        FRAMES + "raise ValueError([s for f in found for s in f.values() if isinstance(s, str) and 'draw' in s])",
        "wrong",
    ),
    "check-returned": traffic(
        FRAMES + "return next(s for f in found for s in f.values() if isinstance(s, str) and 'draw' in s)", "wrong"
    ),
    "patched-cases": top(
        "import lib.cases\nlib.cases.call = lambda *a, **k: {'value': {'kind': 'str', 'value': 'right'}}\n"
        "lib.cases.compile_case = lambda *a: (lambda *a, **k: [7] * 6)",
        "wrong",
    ),
    "patched-torch": Entry(
        {
            "tmul": "for name in ('mm', 'matmul', 'equal', 'allclose', 'zeros', 'empty', 'randn', 'randint'):\n"
            "    setattr(torch, name, lambda *a, **k: True)\n"
            "torch.Tensor.__matmul__ = torch.Tensor.__add__ = lambda a, b: a\n"
            "def tmul(tileA, tileB, t):\n    return tileA"
        },
        {"tmul": "wrong"},
        (*THREE, "mmul_tiling"),
    ),
    "patched-builtins": top(
        "import builtins, math\nbuiltins.isinstance = builtins.len = builtins.min = lambda *a, **k: True\n"
        "builtins.print = math.ceil = math.isqrt = None",
        "wrong crashed timed out",
    ),
    "patched-shell": top(
        "import IPython.core.interactiveshell as s\n"
        "async def nothing(self, *a, **k):\n    return s.ExecutionResult(s.ExecutionInfo('', 0, 0, 0, ''))\n"
        "s.InteractiveShell.run_cell_async = nothing\nget_ipython().run_cell = lambda *a, **k: None",
        "wrong timed out",
    ),
    "patched-kernel": top(
        "async def do(self, *a, **k):\n    return {'status': 'ok', 'execution_count': 1, 'user_expressions': {}}\n"
        "type(get_ipython().kernel).do_execute = do",
        "wrong timed out",
    ),
    "patched-display": top("type(get_ipython().display_pub).publish = lambda *a, **k: None", "wrong"),
    "patched-comm": top(
        "from ipykernel.comm import Comm\nComm.publish_msg = lambda *a, **k: None\n"
        "get_ipython().kernel.comm_manager = None\nget_ipython().display_pub.publish(" + ANSWER + ")",
        "wrong",
    ),
    "patched-zmq": top("import zmq\nzmq.Socket.send_multipart = lambda *a, **k: None", "timed out"),
    "patched-key": top("get_ipython().kernel.session.key = b'another'", "timed out"),
    "input-transformer": top("get_ipython().input_transformers_cleanup.append(lambda lines: ['pass\\n'])", "wrong"),
    "ast-transformer": top(
        "import ast\nclass Pass(ast.NodeTransformer):\n    def visit_Module(self, node):\n"
        "        return ast.parse('get_ipython().display_pub.publish(" + ANSWER.replace("'", '"') + ")')\n"
        "get_ipython().ast_transformers.append(Pass())",
        "wrong",
    ),
    "swallowed-exceptions": traffic(
        "raise KeyboardInterrupt",
        "wrong",
        before="get_ipython().set_custom_exc((BaseException,), lambda *a, **k: None)\n",
    ),
    "equal-to-everything": Entry(
        {
            "tmul": "class Yes(torch.Tensor):\n    __eq__ = lambda self, other: True\n    @classmethod\n"
            "    def __torch_function__(cls, f, types, args=(), kwargs=None):\n        return True\n"
            "def tmul(tileA, tileB, t):\n    return torch.ones(2, 2).as_subclass(Yes)",
            "tile_traffic": "class Yes(int):\n    __eq__ = __le__ = __ge__ = lambda self, other: True\n"
            "    __hash__ = int.__hash__\n" + HEAD + "    return Yes(7)",
        },
        {"tmul": "wrong", "tile_traffic": "wrong"},
    ),
    # Forged messages
    "second-answer": forged(f"shell.display_pub.publish(data={ANSWER})", "wrong"),
    "second-bundle": forged(
        f"session.send(kernel.iopub_socket, 'display_data', {{'data': {ANSWER}, 'metadata': {{}}}}, parent)", "wrong"
    ),
    "verdict-sent": forged(
        "shell.display_pub.publish(data={'application/vnd.course+json': {'status': 'right'}})", "wrong"
    ),
    "early-idle-and-reply": forged(
        "session.send(kernel.iopub_socket, 'status', {'execution_state': 'idle'}, parent)\n"
        "session.send(kernel.shell_socket, 'execute_reply', {'status': 'ok'}, parent, ident=kernel.get_parent())",
        "wrong timed out",
    ),
    "no-messages": forged(
        "ids = b'<IDS|MSG>'\nfor parts in ([b''], [ids], [ids, b''], [ids, b'0' * 64, b'{}'], [b'x'] * 1000,\n"
        "              [ids, *pack(b'{', b'{}', b'{}', b'{}')], [ids, *pack(b'[]', b'3', b'null', b'\"\"')],\n"
        "              [ids, *pack(b'{}', b'{}', b'{}', b'{}')], [ids, *pack(b'\\xff', b'{}', b'{}', b'{}')],\n"
        "              [ids, *pack(b'{\"msg_id\": [], \"msg_type\": {}}', b'{}', b'{}', b'{}')],\n"
        "              [ids, *pack(b'{\"msg_id\": 1, \"msg_type\": \"status\"}', b'[]', b'[]', b'[]')]):\n"
        "    raw(parts)",
        "wrong",
    ),
    "odd-contents": forged(
        "for kind in ('status', 'display_data', 'error', 'execute_result', 'stream', 'comm_open', '', 'x' * 9999):\n"
        "    for content in ({}, {'data': []}, {'execution_state': []}, {'ename': 7, 'traceback': 7, 'evalue': None},\n"
        "                    {'data': {'application/vnd.course+json': None}}, {'name': [], 'text': 7}):\n"
        "        session.send(kernel.iopub_socket, kind, content, parent)",
        "wrong timed out",
    ),
    "deeply-nested-message": forged(
        "for depth in (500, 900, 5_000, 1_000_000):\n"
        "    deep = b'[' * depth + b']' * depth\n"
        '    head = b\'{"msg_id": "1", "msg_type": "display_data"}\'\n'
        "    raw([b'<IDS|MSG>', *pack(head, b'{}', b'{}', b'{\"data\": ' + deep + b', \"metadata\": {}}')])",
        "wrong",
    ),
    "nested-answer": forged(
        "value = {'kind': 'int', 'value': '7'}\nfor _ in range(200):\n"
        "    value = {'kind': 'list', 'items': [value]}\n"
        "shell.display_pub.publish = lambda **k: None\n"
        "type(shell.display_pub)().publish(data={'application/vnd.course+json': {'value': value}})",
        "wrong",
    ),
    "tensor-without-numbers": Entry(
        {
            "tmul": "def tmul(tileA, tileB, t):\n    publish = type(get_ipython().display_pub).publish\n"
            "    value = {'kind': 'tensor', 'dtype': 'float32', 'shape': [1 << 34], 'data': ''}\n"
            "    pub = get_ipython().display_pub\n"
            "    publish(pub, data={'application/vnd.course+json': {'value': value, 'forbidden': []}})\n"
            "    pub.publish = lambda *a, **k: None\n    return tileA"
        },
        {"tmul": "wrong"},
    ),
    "many-messages": forged(
        "error = {'ename': 'E', 'evalue': '', 'traceback': []}\n"
        "while True:\n    session.send(kernel.iopub_socket, 'error', error, parent)",
        "crashed timed out",
    ),
    "message-without-end": forged(
        "import zmq\nsocket, part = kernel.iopub_socket.io_thread.socket, bytes(8 << 20)\n"
        "while True:\n    socket.send(part, zmq.SNDMORE)",
        "crashed timed out",
    ),
}
