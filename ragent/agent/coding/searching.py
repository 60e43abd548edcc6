"""Searches files in the sandbox, since a hostile pattern can keep `re` busy for ever, or fill the memory."""

from __future__ import annotations

import re
from pathlib import Path

from ragent.agent.tools.python import run_jailed
from ragent.config import ToolSettings
from ragent.errors import ToolError

_SECONDS = 5.0
_LONGEST = 500
_PROGRAM = """
import os, re

def search(pattern, most, width, large):
    found = 0
    for folder, folders, names in os.walk("."):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)[2:]
            if os.path.getsize(path) > large:
                continue
            data = open(path, "rb").read()
            if b"\\0" in data:
                continue
            for number, line in enumerate(data.decode("utf-8", "replace").split("\\n"), 1):
                match = pattern.search(line)
                if match is None:
                    continue
                if found == most:
                    return print("[there are more]")
                found += 1
                start = max(0, match.start() - width // 2) if len(line) > width else 0
                print(f"{{path}}:{{number}}: {{line[start : start + width].rstrip()}}")
    if not found:
        print("nothing found")

try:
    search(re.compile({pattern!r}), 60, 240, 4_000_000)
except (re.error, RecursionError, OverflowError, MemoryError) as error:
    print(f"the pattern can't be used: {{error or type(error).__name__}}")
"""


def search(folder: Path, pattern: str, is_regex: bool, settings: ToolSettings) -> str:
    """Lines in which a pattern is found, as path:line: text, 60 at most, in files of at most 4 MB of text.

    Raises:
        ToolError: the pattern is too long or took too long, or nothing can be locked in here.
    """
    if not pattern or len(pattern) > _LONGEST:
        raise ToolError(f"a pattern has 1 to {_LONGEST} characters")
    program = _PROGRAM.format(pattern=pattern if is_regex else re.escape(pattern))
    bounds = {"python_seconds": min(_SECONDS, settings.python_seconds)}
    return run_jailed(program, folder.resolve(), settings.model_copy(update=bounds)).output
