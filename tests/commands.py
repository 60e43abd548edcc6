"""The command line for tests: a process for each command, forked from one that has done the imports."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

ROOT = Path(__file__).parents[1]
_LOCK = Lock()


def environment() -> dict[str, str]:
    """What is set here, without settings of ragent's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("RAGENT_")}


def run_command(
    *arguments: object, cwd: Path | None = None, said: str = "", variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """`ragent ARGUMENTS` to its end, with `said` on stdin; `variables` are set beside the environment."""
    with TemporaryDirectory() as folder:
        streams = {name: Path(folder, name) for name in ("stdin", "stdout", "stderr")}
        for path in streams.values():
            path.write_text("")
        streams["stdin"].write_text(said, "utf-8")
        asked = {
            "arguments": [*map(str, arguments)],
            "folder": str(cwd or Path.cwd()),
            "variables": environment() | (variables or {}),
            **{name: str(path) for name, path in streams.items()},
        }
        code = _fork(json.dumps(asked))
        out, err = (streams[name].read_text("utf-8") for name in ("stdout", "stderr"))
    return subprocess.CompletedProcess(["ragent", *asked["arguments"]], code, out, err)


def _fork(asked: str) -> int:
    with _LOCK:
        forking = _forking()
        assert forking.stdin is not None
        assert forking.stdout is not None
        forking.stdin.write(f"{asked}\n")
        forking.stdin.flush()
        return int(forking.stdout.readline())


@cache
def _forking() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.forking"]
    forking = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(forking.communicate)
    return forking
