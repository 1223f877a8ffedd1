"""The Linux system calls behind the cage that Python's `os` does not offer, through ctypes.

Sources: the manual pages landlock(7), seccomp(2), capabilities(7), mount_setattr(2), pivot_root(2), unshare(2).
Call numbers are those of the kernel's tables for x86-64 and 64-bit ARM.
"""

import ctypes
import os
import platform
import struct

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH, AT_RECURSIVE, AT_FDCWD = 2, 0x8000, -100
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 24, 38
EPERM, ENOSYS, EAFNOSUPPORT = 1, 38, 97

# The same number on every architecture since the kernel unified its tables.
_NEW_CALLS = {
    "pidfd_send_signal": 424, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
    "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433,
    "pidfd_open": 434, "pidfd_getfd": 438, "mount_setattr": 442, "memfd_secret": 447,
}  # fmt: skip

# What no lesson needs. Processes: one kernel is one process, so that its memory limit is the limit. Memory that
# no limit counts: memfd, System V segments, message queues. Ways out: namespaces, mounts, tracing, keys, bpf.
_FORBIDDEN = {
    "x86_64": _NEW_CALLS | {
        "fork": 57, "vfork": 58, "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312,
        "memfd_create": 319, "shmget": 29, "semget": 64, "msgget": 68, "mq_open": 240,
        "unshare": 272, "setns": 308, "chroot": 161, "pivot_root": 155, "mount": 165, "umount2": 166,
        "add_key": 248, "request_key": 249, "keyctl": 250, "bpf": 321, "perf_event_open": 298,
        "userfaultfd": 323, "open_by_handle_at": 304, "personality": 135,
    },
    "aarch64": _NEW_CALLS | {
        "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272,
        "memfd_create": 279, "shmget": 194, "semget": 190, "msgget": 186, "mq_open": 180,
        "unshare": 97, "setns": 268, "chroot": 51, "pivot_root": 41, "mount": 40, "umount2": 39,
        "add_key": 217, "request_key": 218, "keyctl": 219, "bpf": 280, "perf_event_open": 241,
        "userfaultfd": 282, "open_by_handle_at": 265, "personality": 92,
    },
}  # fmt: skip
# audit architecture, clone, clone3, socket, pivot_root
_MACHINES = {"x86_64": (0xC000003E, 56, 435, 41, 155), "aarch64": (0xC00000B7, 220, 435, 198, 41)}

_libc = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None


def supported() -> bool:
    """Return whether the call numbers of this processor are known."""
    return platform.machine() in _MACHINES


def _must(result: int, what: str) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")
    return result


def prctl(option: int, value: int = 0) -> None:
    """Call prctl(2); raise OSError where the kernel refuses."""
    _must(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), f"prctl {option}")


def unshare(flags: int) -> None:
    """Move the calling process to new namespaces."""
    _must(_libc.unshare(flags), "unshare")


def mount(source: str | None, target: str, kind: str | None = None, flags: int = 0, options: str = "") -> None:
    """Call mount(2)."""
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    result = _libc.mount(*encoded, ctypes.c_ulong(flags), options.encode() or None)
    _must(result, f"mount {target}")


def seal(path: str, recursive: bool = False) -> None:
    """Make the mount at `path` read-only, with no set-user-id programs and no devices, keeping its other flags."""
    attributes = struct.pack("=QQQQ", MS_RDONLY | MS_NOSUID | MS_NODEV, 0, 0, 0)
    flags = AT_RECURSIVE if recursive else 0
    result = _libc.syscall(442, AT_FDCWD, os.fsencode(path), flags, attributes, ctypes.c_size_t(len(attributes)))
    _must(result, f"mount_setattr {path}")


def change_root(path: str) -> None:
    """Make the mount at `path` the root, and let go of the old one."""
    os.chdir(path)
    _must(_libc.syscall(_MACHINES[platform.machine()][4], b".", b"."), "pivot_root")
    _must(_libc.umount2(b".", MNT_DETACH), "umount the old root")
    os.chdir("/")


def bound_capabilities() -> None:
    """See to it that no program run later can have a capability; for a caller that has them."""
    for capability in range(64):
        if _libc.prctl(PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0) < 0:
            break  # past the last one


def drop_capabilities() -> None:
    """Give up every capability."""
    header = struct.pack("=Ii", 0x20080522, 0)
    _must(_libc.capset(header, bytes(24)), "capset")


def landlock_version() -> int:
    """Return the kernel's Landlock version, 0 where it has none."""
    return max(0, _libc.syscall(444, None, ctypes.c_size_t(0), 1))


def landlock(readable: list[str], writable: list[str]) -> None:
    """Allow the calling process files below these paths only, and no signals or named sockets to the outside.

    Paths that do not exist are skipped. Needs `PR_SET_NO_NEW_PRIVS`.
    """
    version = landlock_version()
    everything = (1 << (13 + (version >= 2) + (version >= 3) + (version >= 5))) - 1
    read = 1 << 0 | 1 << 2 | 1 << 3  # execute, read a file, list a folder
    of_a_file = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15  # execute, write, read, truncate, ioctl
    rules = struct.pack("=QQQ", everything, 0, 3)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = _must(_libc.syscall(444, rules[:size], ctypes.c_size_t(size), 0), "landlock_create_ruleset")
    for paths, access in ((readable, read), (writable, everything)):
        for path in filter(os.path.exists, paths):
            inode = os.open(path, os.O_PATH | os.O_CLOEXEC)
            allowed = access if os.path.isdir(path) else access & of_a_file
            rule = struct.pack("=Qi", allowed & everything, inode)
            _must(_libc.syscall(445, ruleset, 1, rule, 0), f"landlock_add_rule {path}")
            os.close(inode)
    _must(_libc.syscall(446, ruleset, 0), "landlock_restrict_self")
    os.close(ruleset)


def filter_program() -> bytes:
    """Return the seccomp filter, an array of `struct sock_filter`, for this processor.

    Threads may be started, processes not; sockets are local ones only; what `_FORBIDDEN` lists fails with EPERM.
    """
    arch, clone, clone3, socket, _ = _MACHINES[platform.machine()]
    load, equal, at_least, any_bit, give = 0x20, 0x15, 0x35, 0x45, 0x06
    kill, refuse, allow = 0x80000000, 0x00050000, 0x7FFF0000
    number, architecture, argument = 0, 4, 16  # offsets in struct seccomp_data
    lines = [(load, 0, 0, architecture), (equal, 1, 0, arch), (give, 0, 0, kill), (load, 0, 0, number)]
    if platform.machine() == "x86_64":  # the x32 calls have numbers of their own
        lines += [(at_least, 0, 1, 0x40000000), (give, 0, 0, refuse | ENOSYS)]
    for call in sorted(_FORBIDDEN[platform.machine()].values()):
        lines += [(equal, 0, 1, call), (give, 0, 0, refuse | EPERM)]
    # The C library falls back to clone, whose flags a filter can see, where clone3 is missing.
    lines += [(equal, 0, 1, clone3), (give, 0, 0, refuse | ENOSYS)]
    # A thread is a clone with bit 0x10000; a local socket is of family 1.
    for call, test, value, error in ((clone, any_bit, 0x10000, EPERM), (socket, equal, 1, EAFNOSUPPORT)):
        lines += [(equal, 0, 4, call), (load, 0, 0, argument), (test, 1, 0, value)]
        lines += [(give, 0, 0, refuse | error), (give, 0, 0, allow)]
    lines += [(give, 0, 0, allow)]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def install_filter() -> None:
    """Install `filter_program` on the calling process. Needs `PR_SET_NO_NEW_PRIVS`."""
    code = filter_program()
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))
    _must(_libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(2), program, 0, 0), "seccomp")
