"""Python in a sandbox: a child process that the kernel locks in. `ragent.agent.tools.jail` says how."""

from __future__ import annotations

import errno
import json
import os
import secrets
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ragent.agent.tool import tool
from ragent.agent.toolbox import ToolContext
from ragent.agent.tools import jail
from ragent.agent.tools.showing import bounded, own_words
from ragent.config import ToolSettings
from ragent.errors import ToolError
from ragent.types import Tool, ToolResult

_LOOK_EVERY = 0.05
_LEAST_BYTES = 4096
"""Even an empty file takes a place on the disk."""
_LONGEST_PROGRAM = 100_000
_HINT = "without these locks no program is run; on another system, use a server of your own through MCP"


def open_python(context: ToolContext) -> Tool:
    """The tool `python`. Raises ToolError where the kernel can't lock a program in."""
    lacking = jail.why_not()
    if lacking:
        raise ToolError(f"Python can't be run safely on this machine: {lacking}", hint=_HINT)
    # What an earlier run left in a kept folder may have been written by anybody.
    tainted = context.scratch is not None

    @tool(pure=not tainted)
    def python(code: str) -> ToolResult:
        """Run a Python 3 program and get what it prints, and the value of its last line.

        For counting, sorting, statistics, text processing and anything a calculator can't do. Each call is a
        new process: define again what you need. It can read and write files in its current folder only; it
        has no network, no further processes and no threads, and little time and memory.

        Args:
            code: the whole program. Its last line may be an expression, whose value is shown.
        """
        if len(code) > _LONGEST_PROGRAM:
            raise ToolError(f"the program is longer than {_LONGEST_PROGRAM} characters")
        folder = nullcontext(context.scratch) if context.scratch else new_folder()
        with nullcontext() if tainted else own_words(), folder as scratch:
            outcome = run_jailed(code, scratch.resolve(), context.settings)
        text = outcome.output or "(it printed nothing)"
        status = f"\n[exit status {outcome.status}]" if outcome.status else ""
        return ToolResult(bounded(text, context.settings.result_chars, "print less") + status, tainted)

    return python


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended by itself, and all that it printed, warnings and errors included."""

    status: int
    output: str


def run_jailed(program: str, scratch: Path, settings: ToolSettings) -> Outcome:
    """Run a program, locked in, in a folder.

    Raises:
        ToolError: it couldn't be locked in, so it wasn't run; or it went over a limit and was stopped.
    """
    disk = settings.python_disk_mb << 20
    request = {
        "program": program,
        "scratch": str(scratch),
        "memory": settings.python_memory_mb << 20,
        "seconds": settings.python_seconds,
        "file_bytes": disk,
    }
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as output:
        asked.write(json.dumps(request).encode())
        asked.seek(0)
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-B", jail.__file__],
            stdin=asked,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(scratch),
            cwd=scratch,
            start_new_session=True,
        )
        try:
            status = _watch(process, scratch, settings)
        finally:
            process.kill()
            process.wait()
        told = _read(output, 4 * settings.result_chars + 1000)
    if status == jail.REFUSED and told:
        raise ToolError(f"Python can't be run safely on this machine: {told}", hint=_HINT)
    if status == -signal.SIGXCPU:
        raise ToolError(f"stopped: the program computed for over {settings.python_seconds:g} seconds")
    if status < 0:
        return Outcome(status, f"{told}\nthe program crashed ({signal.Signals(-status).name})".strip())
    return Outcome(status, told.rstrip("\n"))


def _watch(process: subprocess.Popen[bytes], scratch: Path, settings: ToolSettings) -> int:
    """Wait for its end. Raises ToolError when the time is over, or the folder too full."""
    deadline = time.monotonic() + settings.python_seconds
    before = _bytes_in(scratch)
    pause = _LOOK_EVERY
    while True:
        try:
            return process.wait(pause)
        except subprocess.TimeoutExpired:
            pass
        looked = time.monotonic()
        if looked > deadline:
            raise ToolError(f"stopped: the program ran for over {settings.python_seconds:g} seconds")
        if _bytes_in(scratch) - before > settings.python_disk_mb << 20:
            raise ToolError(f"stopped: the program wrote over {settings.python_disk_mb} MB of files")
        pause = max(_LOOK_EVERY, 5 * (time.monotonic() - looked))


def _environment(scratch: Path) -> dict[str, str]:
    """All that the program learns of this process's environment: nothing."""
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {"HOME": str(scratch), "TMPDIR": str(scratch), "LANG": "C.UTF-8", **single}


def _bytes_in(folder: Path) -> int:
    """What everything in a folder takes on the disk. Where paths become too long, that is far too much."""
    total = 0
    waiting = [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    total += max(_LEAST_BYTES, _blocks(entry) * 512)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                return sys.maxsize
    return total


def _blocks(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_blocks
    except FileNotFoundError:
        return 0


@contextmanager
def new_folder() -> Iterator[Path]:
    """A folder that is gone afterwards, however deeply the program nested others in it."""
    folder = Path(tempfile.mkdtemp(prefix="ragent-"))
    try:
        yield folder
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    """Folders within folders are moved up one after the other, so that no path becomes too long."""
    prefix = secrets.token_hex(8)  # chosen now, so that the program can't have used it
    moved = 0
    while entries := list(folder.iterdir()):
        for entry in entries:
            if entry.is_symlink() or not entry.is_dir():
                entry.unlink()
                continue
            entry.chmod(stat.S_IRWXU)
            for inner in list(entry.iterdir()):
                if inner.is_dir() and not inner.is_symlink():
                    inner.chmod(stat.S_IRWXU)
                moved += 1
                inner.rename(folder / f"{prefix}-{moved}")
            entry.rmdir()
    folder.rmdir()


def _read(output: IO[bytes], limit: int) -> str:
    """The beginning of what was printed, and how much more there was."""
    length = output.seek(0, os.SEEK_END)
    output.seek(0)
    text = output.read(limit).decode("utf-8", "replace")
    return text if length <= limit else f"{text}\n[{length - limit} more bytes]"
