"""Reads text files, and lists folders, under the roots that the settings name."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from ragent.agent.tool import tool
from ragent.agent.toolbox import ToolContext
from ragent.agent.tools.showing import bounded
from ragent.errors import ConfigError, ToolError
from ragent.types import Tool

_MOST_ENTRIES = 200


def open_read_file(context: ToolContext) -> Tool:
    """The tool `read_file`. Raises ConfigError where no root is named, or one is no folder."""
    roots = [Path(root).expanduser() for root in context.settings.roots]
    if not roots:
        raise ConfigError("read_file may read no folder", hint="name folders in [tools] roots")
    for root in roots:
        if not root.is_dir():
            raise ConfigError(f"[tools] roots: {root} is no folder", hint="name folders that exist")
    real = [root.resolve() for root in roots]
    limit = context.settings.result_chars
    most = int(context.settings.max_file_mb * 1e6)

    @tool(tainted=True)
    def read_file(path: str = "", first_line: int = 1) -> str:
        """Read a text file, or list a folder.

        Long files are shown in parts: the answer says at which line to go on.

        Args:
            path: relative to the folders that may be read, as notes/2024.txt; empty: list these folders.
            first_line: where to begin in a file, from 1.
        """
        if not path.strip():
            return "\n".join(_listing(root) for root in real)
        found = _find(path, real)
        if found.is_dir():
            return bounded(_listing(found), limit)
        return _excerpt(path, _read(found, path, most), first_line, limit)

    return read_file


def _find(path: str, roots: Sequence[Path]) -> Path:
    """The real path of what a path names under one of the roots, links followed.

    Raises:
        ToolError: it is nowhere, or leads out of the roots: both sound alike, so that nothing is told of what
            is outside.
    """
    for root in roots:
        try:
            real = (root / path).resolve(strict=True)
        except (OSError, ValueError, RuntimeError):
            continue
        if any(real.is_relative_to(allowed) for allowed in roots):
            return real
    raise ToolError(f"there is no file {path[:200]!r} here", hint="an empty path lists what there is")


def _read(file: Path, path: str, most: int) -> str:
    """The text of a file that has no link left in its path; one put there meanwhile isn't followed."""
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ToolError(f"can't read {path}: {error.strerror}") from None
    with os.fdopen(handle, "rb") as opened:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise ToolError(f"{path} is no file or folder")
        data = b"" if status.st_size > most else opened.read(most + 1)
    if status.st_size > most or len(data) > most:
        raise ToolError(f"{path} is larger than {most / 1e6:g} MB", hint="[tools] max_file_mb")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ToolError(f"{path} is no UTF-8 text file", hint="once ingested, it can be searched instead")
    return text


def _excerpt(path: str, text: str, first_line: int, limit: int) -> str:
    lines = text.splitlines()
    if not lines:
        return f"{path} is empty."
    if not 1 <= first_line <= len(lines):
        raise ToolError(f"{path} has lines 1 to {len(lines)}")
    shown: list[str] = []
    for line in lines[first_line - 1 :]:
        if shown and sum(map(len, shown)) + len(shown) + len(line) > limit:
            break
        shown.append(line)
    last = first_line + len(shown) - 1
    more = f"\n[go on with first_line={last + 1}]" if last < len(lines) else ""
    body = bounded("\n".join(shown), limit, "the line is too long to be shown")
    return f"{path}, lines {first_line} to {last} of {len(lines)}:\n{body}{more}"


def _listing(folder: Path) -> str:
    """Names, folders with a slash, files with their size; no links that lead away are followed."""
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    except OSError as error:
        raise ToolError(f"can't list {folder.name}: {error.strerror}") from None
    lines = [_entry(entry) for entry in entries[:_MOST_ENTRIES]]
    left = len(entries) - len(lines)
    more = [f"[{left} more]"] if left else []
    return "\n".join([f"folder {folder.name}:", *lines, *more]) if entries else f"folder {folder.name}: empty"


def _entry(entry: Path) -> str:
    try:
        status = entry.lstat()
    except OSError:
        return f"  {entry.name}"
    if stat.S_ISDIR(status.st_mode):
        return f"  {entry.name}/"
    return f"  {entry.name} ({status.st_size} bytes)" if stat.S_ISREG(status.st_mode) else f"  {entry.name}"
