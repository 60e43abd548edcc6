"""Python in a sandbox: a child process that the kernel locks in. `ragent.agent.tools.jail` says how."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ragent.agent.tool import tool
from ragent.agent.toolbox import ToolContext
from ragent.agent.tools import jail
from ragent.agent.tools.showing import bounded
from ragent.config import ToolSettings
from ragent.errors import ToolError
from ragent.types import Tool, ToolResult

_LOOK_EVERY = 0.05
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
        given = context.scratch
        with nullcontext(str(given)) if given else tempfile.TemporaryDirectory(prefix="ragent-") as scratch:
            outcome = run_jailed(code, Path(scratch).resolve(), context.settings)
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
    while True:
        try:
            return process.wait(_LOOK_EVERY)
        except subprocess.TimeoutExpired:
            pass
        if time.monotonic() > deadline:
            raise ToolError(f"stopped: the program ran for over {settings.python_seconds:g} seconds")
        if _bytes_in(scratch) - before > settings.python_disk_mb << 20:
            raise ToolError(f"stopped: the program wrote over {settings.python_disk_mb} MB of files")


def _environment(scratch: Path) -> dict[str, str]:
    """All that the program learns of this process's environment: nothing."""
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {"HOME": str(scratch), "TMPDIR": str(scratch), "LANG": "C.UTF-8", **single}


def _bytes_in(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_blocks * 512  # noqa: PTH118
            except OSError:
                continue
    return total


def _read(output: IO[bytes], limit: int) -> str:
    """The beginning of what was printed, and how much more there was."""
    length = output.seek(0, os.SEEK_END)
    output.seek(0)
    text = output.read(limit).decode("utf-8", "replace")
    return text if length <= limit else f"{text}\n[{length - limit} more bytes]"
