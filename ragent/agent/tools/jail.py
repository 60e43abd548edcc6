"""Locks its own process in, then runs the program it is given. A script of the standard library only.

What locks it in, in this order; if a lock can't be closed, nothing is run:

- **Landlock** (Linux 5.13 and later): files can be read in the scratch folder, Python's own library and the
  system's shared libraries, and written in the scratch folder. Nothing else can be opened, listed, made,
  renamed or linked, by whatever path or link.
- **no_new_privs and empty capabilities**: nothing that was given up can be had again, by root neither.
- **rlimits**: memory (address space), CPU seconds, bytes a file, open files, no core dumps.
- **seccomp**: no sockets (so no network and no servers of this machine), no further process or thread, no
  other program, no signals to or traces of other processes, no changes of modes, owners, times or attributes,
  no shared memory, queues, keys, namespaces, mounts or io_uring, nor any system call newer than Landlock.

Since the process stays alone, what limits it limits all that the program does.
"""

from __future__ import annotations

import ast
import ctypes
import errno
import json
import linecache
import math
import os
import resource
import struct
import sys
import sysconfig
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

REFUSED = 97
"""The exit status that says a lock couldn't be closed; the reason is the output."""

_LIBC = ctypes.CDLL(None, use_errno=True)
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_SIGKILL = 9

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_READING = _READ_FILE | _READ_DIR
_WRITING = _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER | _TRUNCATE
_OF_FILES = _READ_FILE | _WRITE_FILE | _TRUNCATE
_RIGHTS_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15}
_ALL_RIGHTS = 16

_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/etc/ld.so.cache")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
_PACKAGES = ("site-packages", "dist-packages")

# System calls of x86-64, by number (arch/x86/entry/syscalls/syscall_64.tbl).
_NEWEST = 446
# socket, connect, accept, accept4, send and receive in all forms, bind, listen, socketpair
_SOCKETS = (41, 42, 43, 44, 46, 49, 50, 53, 288, 307)
# clone, fork, vfork, execve, execveat, clone3
_PROCESSES = (56, 57, 58, 59, 322, 435)
# ptrace, process_vm_*, kcmp, pidfd_*, process_madvise, rt_sigqueueinfo, tkill, rt_tgsigqueueinfo
_OTHERS = (101, 310, 311, 312, 424, 434, 438, 440, 129, 200, 297)
# setpriority, sched_set*, ioprio_set, migrate_pages, move_pages
_PRIORITIES = (141, 142, 144, 203, 251, 256, 279, 314)
# truncate, chmod, chown, utime, mknod, setxattr and removexattr in all forms
_ATTRIBUTES = (76, 90, 91, 92, 93, 94, 260, 268, 132, 235, 261, 280, 133, 259, 188, 189, 190, 197, 198, 199)
# shm*, sem*, msg* and mq_* in all forms, memfd_create, keys, inotify, io_uring_*
_QUEUES = (29, 30, 31, 64, 65, 66, 220, 68, 69, 70, 71, 240, 241, 242, 243, 244, 245)
_SHARED = (*_QUEUES, 319, 248, 249, 250, 253, 254, 294, 425, 426, 427)
# pivot_root, chroot, mount, umount2, unshare, setns, the newer ways to mount
_ROOTS = (155, 161, 165, 166, 272, 308, 428, 429, 430, 431, 432, 433, 442)
# clocks, swap, reboot, names, ports, modules, quotas, logs, kexec, perf, fanotify, handles, bpf, userfaultfd
_SETTINGS = (134, 135, 153, 154, 159, 163, 164, 167, 168, 169, 170, 171, 172, 173, 175, 176, 179, 227)
_MACHINE = (*_SETTINGS, 103, 246, 298, 300, 303, 304, 305, 313, 320, 321, 323)
_DENIED = (
    *(*_SOCKETS, *_PROCESSES, *_OTHERS, *_PRIORITIES),
    *(*_ATTRIBUTES, *_SHARED, *_ROOTS, *_MACHINE),
)
_IOCTL, _FCNTL, _PRCTL, _KILL, _TGKILL, _PRLIMIT = 16, 72, 157, 62, 234, 302
# TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX
_HARMLESS_IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
_SIGNALLING_FCNTLS = (8, 10, 15, 1024, 1026)  # F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY
_ARCH_X86_64 = 0xC000003E
_LOAD, _EQUAL, _GREATER, _RETURN = 0x20, 0x15, 0x25, 0x06
_ALLOW, _KILL_PROCESS, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000


class Refused(Exception):
    """A lock can't be closed on this machine."""


def landlock_version() -> int:
    """The version of Landlock that the kernel offers; 0: none."""
    return max(0, int(_LIBC.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)))


def why_not() -> str:
    """What this machine lacks to lock a program in; "" where it lacks nothing."""
    if sys.platform != "linux" or os.uname().machine != "x86_64" or sys.maxsize < 2**32:
        return "it needs Linux on x86-64"
    if not landlock_version():
        return "it needs Landlock: Linux 5.13 or later, with landlock among the lsm= of its boot parameters"
    return ""


def _check(result: int, what: str) -> int:
    if result < 0:
        raise Refused(f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


def _limit_files(scratch: str, readable: Sequence[str]) -> None:
    version = landlock_version()
    rights = (1 << _RIGHTS_BY_ABI.get(version, _ALL_RIGHTS)) - 1
    attribute = ctypes.create_string_buffer(struct.pack("=Q", rights), 8)
    ruleset = _check(_LIBC.syscall(_LANDLOCK_CREATE, attribute, ctypes.c_size_t(8), 0), "Landlock")
    allowed = dict.fromkeys(readable, _READING) | dict.fromkeys(_DEVICES, _READ_FILE | _WRITE_FILE)
    for path, wanted in (allowed | {scratch: _READING | _WRITING}).items():
        try:
            handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        given = wanted & rights if Path(path).is_dir() else wanted & rights & _OF_FILES
        rule = ctypes.create_string_buffer(struct.pack("=Qi", given, handle), 12)
        _check(_LIBC.syscall(_LANDLOCK_ADD, ruleset, 1, rule, 0), f"Landlock on {path}")
        os.close(handle)
    _check(_LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    _check(_LIBC.syscall(_LANDLOCK_RESTRICT, ruleset, 0), "Landlock")
    os.close(ruleset)


def _drop_capabilities() -> None:
    header = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0), 8)
    nothing = ctypes.create_string_buffer(24)
    _check(_LIBC.capset(header, nothing), "capabilities")


def _limit_resources(memory: int, seconds: float, file_bytes: int) -> None:
    cpu = math.ceil(seconds) + 1
    for kind, limit in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        bound = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (bound, bound))


def _filter() -> Iterator[tuple[int, int, int, int]]:
    """The seccomp program, as (code, steps if true, steps if false, operand)."""
    own = os.getpid()
    yield (_LOAD, 0, 0, 4)
    yield (_EQUAL, 1, 0, _ARCH_X86_64)
    yield (_RETURN, 0, 0, _KILL_PROCESS)
    yield (_LOAD, 0, 0, 0)
    yield (_GREATER, 0, 1, _NEWEST)
    yield (_RETURN, 0, 0, _FAIL | errno.ENOSYS)
    for number in _DENIED:
        yield (_EQUAL, 0, 1, number)
        yield (_RETURN, 0, 0, _FAIL | errno.EPERM)
    yield from _by_argument(_IOCTL, 1, _HARMLESS_IOCTLS, _ALLOW, _FAIL | errno.ENOTTY)
    yield from _by_argument(_FCNTL, 1, _SIGNALLING_FCNTLS, _FAIL | errno.EPERM, _ALLOW)
    yield from _by_argument(_PRCTL, 0, (_PR_SET_PDEATHSIG,), _FAIL | errno.EPERM, _ALLOW)
    yield from _by_argument(_KILL, 0, (own,), _ALLOW, _FAIL | errno.EPERM)
    yield from _by_argument(_TGKILL, 0, (own,), _ALLOW, _FAIL | errno.EPERM)
    yield from _by_argument(_PRLIMIT, 0, (0, own), _ALLOW, _FAIL | errno.EPERM)
    yield (_RETURN, 0, 0, _ALLOW)


def _by_argument(
    number: int, place: int, values: Sequence[int], then: int, otherwise: int
) -> Iterator[tuple[int, int, int, int]]:
    """What becomes of a call is decided by whether an argument, of 32 bits, is one of some values."""
    yield (_EQUAL, 0, 2 * len(values) + 2, number)
    yield (_LOAD, 0, 0, 16 + 8 * place)
    for value in values:
        yield (_EQUAL, 0, 1, value)
        yield (_RETURN, 0, 0, then)
    yield (_RETURN, 0, 0, otherwise)


def _limit_calls() -> None:
    steps = [struct.pack("=HBBI", *step) for step in _filter()]
    code = ctypes.create_string_buffer(b"".join(steps))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
    _check(_LIBC.prctl(_PR_SET_SECCOMP, 2, program, 0, 0), "seccomp")


def _verify() -> None:
    """Try what must fail: a lock that was closed in vain is found before the program is."""
    for number, arguments in ((41, (1, 1, 0)), (41, (2, 1, 0)), (57, ()), (90, (b"/", 0o755))):
        ctypes.set_errno(0)
        if _LIBC.syscall(number, *arguments) >= 0 or ctypes.get_errno() != errno.EPERM:
            raise Refused("seccomp doesn't hold")
    for path in ("/", "/etc", "/proc"):
        try:
            os.scandir(path)
        except (PermissionError, FileNotFoundError):
            continue
        raise Refused("Landlock doesn't hold")


def lock(scratch: str, memory: int, seconds: float, file_bytes: int) -> None:
    """Close every lock on this process, for good.

    Raises:
        Refused: the kernel doesn't offer one of them, or it doesn't hold.
    """
    lacking = why_not()
    if lacking:
        raise Refused(lacking)
    paths = [path for path in sys.path if Path(path).name in _PACKAGES]
    standard = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    sys.path[:] = [p for p in sys.path if any(p == s or p.startswith(f"{s}/") for s in standard)] + paths
    _check(_LIBC.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0), "parent-death signal")
    _limit_files(scratch, [*standard, *paths, *_LIBRARIES])
    _limit_resources(memory, seconds, file_bytes)
    _drop_capabilities()
    _limit_calls()
    _verify()


def run(source: str) -> int:
    """Run a program, and show the value of its last line if that is an expression. Gives the exit status."""
    linecache.cache["<program>"] = (len(source), None, source.splitlines(keepends=True), "<program>")
    names: dict[str, Any] = {"__name__": "__main__", "__builtins__": __builtins__}
    try:
        tree = ast.parse(source, "<program>")
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "<program>", "exec"), names)  # noqa: S102
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "<program>", "eval"), names)  # noqa: S307
            if value is not None:
                sys.stdout.write(f"{value!r}\n")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException as error:
        sys.stdout.write("".join(_told(error)))
        return 1
    return 0


def _told(error: BaseException) -> list[str]:
    """A traceback that begins in the program."""
    trace = error.__traceback__
    while trace and trace.tb_frame.f_code.co_filename != "<program>":
        trace = trace.tb_next
    return traceback.format_exception(type(error), error, trace)


def main() -> None:
    """Read {program, scratch, memory, seconds, file_bytes} as JSON, lock in, run."""
    given = json.load(sys.stdin)
    os.chdir(given["scratch"])
    try:
        lock(given["scratch"], given["memory"], given["seconds"], given["file_bytes"])
    except (Refused, OSError, ValueError) as error:
        sys.stdout.write(str(error))
        sys.stdout.flush()
        os._exit(REFUSED)
    status = run(given["program"])
    sys.stdout.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
