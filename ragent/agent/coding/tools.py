"""What a code agent may do: read, search and change a copy, and run tests on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ragent.agent.coding.diffing import unified
from ragent.agent.coding.searching import search
from ragent.agent.coding.testing import run_tests
from ragent.agent.coding.workspace import Workspace
from ragent.agent.plain import cut
from ragent.agent.tool import tool
from ragent.agent.tools.showing import bounded
from ragent.config import ToolSettings
from ragent.errors import ToolError
from ragent.types import Tool

_MOST_FILES = 300


def code_tools(space: Workspace, tests: Sequence[str], settings: ToolSettings) -> list[Tool]:
    """Tools over a copy. None has side effects: all they change is the copy. What they show taints."""
    return [*_reading(space, settings), *_writing(space, settings), _testing(space, tests, settings)]


def _reading(space: Workspace, settings: ToolSettings) -> list[Tool]:
    limit = settings.result_chars

    @tool(tainted=True)
    def list_files(folder: str = "") -> str:
        """List the repository's files with their sizes.

        Args:
            folder: only what is in this folder; empty: everything.
        """
        lines = [f"{path} ({size} bytes)" for path, size in space.files(folder)]
        more = [f"[{len(lines) - _MOST_FILES} more; name a folder]"] if len(lines) > _MOST_FILES else []
        return bounded("\n".join(lines[:_MOST_FILES] + more) or "no files", limit, "name a folder")

    @tool(tainted=True)
    def read_file(path: str, start: int = 1, end: int = 0) -> str:
        """Read a file, or some of its lines.

        Args:
            path: as list_files shows it.
            start: the first line, from 1.
            end: the last line; 0: as far as there is room.
        """
        lines = space.read(path).split("\n")
        if lines[-1] == "":
            lines.pop()
        if not lines:
            return f"{path} is empty."
        if not 1 <= start <= len(lines):
            raise ToolError(f"{path} has lines 1 to {len(lines)}")
        return _excerpt(path, lines, start, min(end, len(lines)) if end >= start else len(lines), limit)

    @tool(tainted=True)
    def search_code(pattern: str, regex: bool = False) -> str:
        """Find the lines of all files in which something stands, as path:line: text.

        Args:
            pattern: what to find, as it is written.
            regex: whether the pattern is a regular expression of Python.
        """
        return bounded(search(space.folder, pattern, regex, settings), limit, "give a longer pattern")

    return [list_files, read_file, search_code]


def _writing(space: Workspace, settings: ToolSettings) -> list[Tool]:
    limit = settings.result_chars

    @tool(tainted=True)
    def edit_file(path: str, old: str, new: str) -> str:
        """Replace a piece of a file, and see the difference.

        Args:
            path: as list_files shows it.
            old: the text to replace, exactly as it stands there; it must stand there only once.
            new: what to put in its place.
        """
        return cut(unified([space.edit(path, old, new)]), limit)[0]

    @tool(tainted=True)
    def create_file(path: str, text: str) -> str:
        """Make a new file.

        Args:
            path: where, relative to the repository.
            text: all that it shall hold.
        """
        made = space.create(path, text)
        return f"made {made.path}, {len(text)} characters"

    @tool(tainted=True)
    def show_diff() -> str:
        """Show all that was changed so far, as a diff."""
        return cut(unified(space.changes()), limit)[0] or "nothing was changed"

    return [edit_file, create_file, show_diff]


def _testing(space: Workspace, tests: Sequence[str], settings: ToolSettings) -> Tool:
    @tool(tainted=True, name="run_tests")
    def testing(command: str = tests[0]) -> str:
        """Run the tests in a sandbox: one process, no network, little time. What they write is thrown away.

        Args:
            command: which, if there are several.
        """
        if command not in tests:
            raise ToolError(f"only these commands are allowed: {', '.join(tests)}", tainted=False)
        report = run_tests(command, space.folder, settings)
        verdict = "PASSED" if report.passed else "FAILED"
        return f"{verdict}: {command}\n{cut(report.output, settings.result_chars)[0]}"

    chosen = {"command": testing.parameters["properties"]["command"] | {"enum": list(tests)}}
    return replace(testing, parameters={**testing.parameters, "properties": chosen})


def _excerpt(path: str, lines: Sequence[str], start: int, end: int, limit: int) -> str:
    """Lines from `start` to `end`, both counted from 1, as many as there is room for."""
    last, room = start, limit - len(lines[start - 1])
    while last < end and room > len(lines[last]):
        room -= len(lines[last]) + 1
        last += 1
    more = f"\n[go on with start={last + 1}]" if last < end else ""
    body = bounded("\n".join(lines[start - 1 : last]), limit, "the line is too long to be shown")
    return f"{path}, lines {start} to {last} of {len(lines)}:\n{body}{more}"
