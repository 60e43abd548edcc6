"""The copy of a repository in which a code agent works, and what it changed there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ragent.agent.coding.copying import is_skipped
from ragent.agent.coding.diffing import Change
from ragent.errors import ToolError

_MOST_CHARS = 1_000_000
_LONGEST_PATH = 300


@dataclass(frozen=True, slots=True)
class Workspace:
    """Files that only these methods change. It holds no links, since none were copied and none can be made.

    Attributes:
        folder: where the copy is.
        left_out: paths of the repository that weren't copied; nothing can be made there either.
        before: texts of changed files as they were copied; None for new ones.
    """

    folder: Path
    left_out: frozenset[str] = frozenset()
    before: dict[str, str | None] = field(default_factory=dict)

    def files(self, under: str = "") -> Iterator[tuple[str, int]]:
        """Paths and sizes in bytes of the files in a folder and the folders below it, sorted.

        Raises:
            ToolError: there is no such folder.
        """
        start = self.folder / _checked(under) if under.strip() not in ("", ".", "./", "/") else self.folder
        if not start.is_dir():
            raise ToolError(f"there is no folder {under[:200]!r}", hint="without a folder, all are listed")
        for file in sorted(start.rglob("*")):
            if file.is_file():
                yield file.relative_to(self.folder).as_posix(), file.stat().st_size

    def read(self, path: str) -> str:
        """A file's text, with the line ends it has.

        Raises:
            ToolError: there is no such file, it is too large, or no text.
        """
        file = self.folder / _checked(path)
        if not file.is_file():
            raise ToolError(f"there is no file {path[:200]!r}", hint="list_files tells what there is")
        if file.stat().st_size > 4 * _MOST_CHARS:
            raise ToolError(f"{path} is too large to be read")
        try:
            text = file.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            raise ToolError(f"{path} is no UTF-8 text file")
        return text

    def edit(self, path: str, old: str, new: str) -> Change:
        """Put `new` where `old` stands, which must be at one place exactly.

        Raises:
            ToolError: it stands nowhere or at several places, or the file can't be read or written.
        """
        text = self.read(path)
        if "\r\n" in text and old not in text:  # models write plain line feeds
            old, new = (part.replace("\r\n", "\n").replace("\n", "\r\n") for part in (old, new))
        if not old or old == new:
            raise ToolError("old must not be empty, and new must be something else")
        at = text.find(old)
        if at < 0:
            raise ToolError(
                f"the text to replace is not in {path}", hint="read it again; spaces and line ends count"
            )
        if text.find(old, at + 1) >= 0:
            raise ToolError(
                f"the text to replace is in {path} more than once", hint="give more of the lines around it"
            )
        return self._write(path, text, text[:at] + new + text[at + len(old) :])

    def create(self, path: str, text: str) -> Change:
        """Make a new file.

        Raises:
            ToolError: there is one, or the repository has something there that wasn't copied.
        """
        name = _checked(path)
        parts = name.split("/")
        above = {"/".join(parts[:most]) for most in range(1, len(parts) + 1)}
        if above & self.left_out or any(is_skipped(part) for part in parts):
            raise ToolError(f"{name} can't be made: the copy leaves out what is there")
        if (self.folder / name).exists():
            raise ToolError(f"{name} is there already", hint="change it with edit_file")
        return self._write(name, None, text)

    def changes(self) -> tuple[Change, ...]:
        """What is different from the repository as it was copied, by path."""
        found = (Change(path, self.before[path], self.read(path)) for path in sorted(self.before))
        return tuple(change for change in found if change.before != change.after)

    def _write(self, path: str, before: str | None, after: str) -> Change:
        name = _checked(path)
        if len(after) > _MOST_CHARS or "\0" in after:
            raise ToolError(f"a file may have {_MOST_CHARS} characters, and no null bytes")
        try:
            data = after.encode("utf-8")
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(data)
        except UnicodeEncodeError:
            raise ToolError("the text can't be written as UTF-8") from None
        except OSError as error:
            raise ToolError(f"can't write {name}: {error.strerror}") from None
        self.before.setdefault(name, before)
        return Change(name, before, after)


def _checked(path: str) -> str:
    """A path within the copy, in its one spelling.

    Raises:
        ToolError: it leads out of the copy, or can't be a file's name.
    """
    parts = [part for part in path.strip().split("/") if part not in ("", ".")]
    if path.strip().startswith(("/", "~")) or ".." in parts:
        raise ToolError(f"{path[:200]!r} leads out of the repository", hint="give a path relative to it")
    if not parts or not path.isprintable() or "\\" in path or len(path.encode("utf-8")) > _LONGEST_PATH:
        raise ToolError(f"{path[:200]!r} is no path of a file")
    return "/".join(parts)
