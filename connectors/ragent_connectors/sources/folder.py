"""Files and folder trees of this machine."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Self
from urllib.parse import unquote_to_bytes

from ragent.errors import SourceError
from ragent.types import Item, RawDocument
from ragent_connectors.sources.selecting import (
    FileRules,
    Selection,
    read_rules,
    split_glob,
    write_rules,
)

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
# Opening a named pipe must not wait for a writer, and the last path component must not be a link.
_OPEN_FLAGS = (
    os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
)


def local_path(argument: str) -> Path:
    """The path that a user means by `argument`: a plain path, or a `file://` URI of this machine.

    Raises:
        SourceError: it is a URL of another kind, or names another machine.
    """
    match = _SCHEME.fullmatch(argument)
    if match is None:
        return Path(argument).expanduser()
    scheme, rest = match.groups()
    if scheme.lower() != "file":
        raise SourceError(
            f"can't read {argument}: only files and folders are supported here",
            hint="download it first and give the path of the file",
        )
    host, slash, path = rest.partition("/")
    if host not in ("", "localhost") or not slash:
        raise SourceError(
            f"can't read {argument}: it names another machine", hint="use file:///absolute/path, or the path"
        )
    return Path(os.fsdecode(unquote_to_bytes("/" + path)))


class FolderSource:
    """One file, or every file of a folder tree.

    Hidden files and folders (dot names) below the root are skipped, and so are symbolic links: those that
    lead out of the root would read what the user did not name, those inside would give files twice. So are
    the files that ignore files (`.gitignore`, `.ragentignore`) or `rules` leave out.
    """

    def __init__(self, path: Path, *, max_bytes: int, rules: FileRules | None = None) -> None:
        self._root = Path(os.path.realpath(path))
        self._rules = rules or FileRules()
        self._max_bytes = max_bytes

    @staticmethod
    def accepts(argument: str) -> bool:
        """Takes paths and `file://` URIs, and leaves URLs to others, chained ones (`a::s3://b`) too."""
        if "::" in argument and "://" in argument:
            return False
        match = _SCHEME.match(argument)
        return match is None or match[1].lower() == "file"

    @classmethod
    def open(cls, argument: str, *, max_bytes: int) -> Self:
        """The source for a path or a `file://` URI of this machine.

        A path may end in a glob (`docs/**/*.md`); a URI may carry rules (`file:///docs#exclude=*.log`, each
        as often as needed).
        """
        if argument.lower().startswith("file:") and "#" in argument:
            location, _, fragment = argument.partition("#")
            return cls(local_path(location), max_bytes=max_bytes, rules=read_rules(fragment))
        path = local_path(argument)
        folder, glob = split_glob(path)
        if not glob or os.path.lexists(path):
            return cls(path, max_bytes=max_bytes)
        return cls(folder, max_bytes=max_bytes, rules=FileRules(include=(f"/{glob}",)))

    @classmethod
    def absolute(cls, argument: str) -> str:
        """The `file://` URI, rules included, of what an argument names from the current folder."""
        return cls.open(argument, max_bytes=0).uri

    @property
    def uri(self) -> str:
        """The root, resolved, as a `file://` URI, with the rules: it opens the same source again."""
        return self._root.as_uri() + write_rules(self._rules)

    def items(self) -> Iterator[Item]:
        """Walk the tree lazily, in sorted order. A folder that can't be listed is an Item with `error`.

        Raises:
            SourceError: the root isn't there, can't be read, or is neither a file nor a folder.
        """
        try:
            found = self._root.stat()
        except OSError as error:
            raise _refusal(self._root, error) from error
        if stat.S_ISDIR(found.st_mode):
            try:
                entries = _listed(self._root)
            except OSError as error:
                raise _refusal(self._root, error) from error
            yield from _walk(entries, self._root, Selection(self._root, self._rules))
        elif stat.S_ISREG(found.st_mode):
            yield Item(self._root.as_uri(), _version(found))
        else:
            raise _not_a_file(self._root)

    def load(self, item: Item) -> RawDocument:
        """Read one file, never more than `max_bytes`, and never from outside the root.

        Raises:
            SourceError: it is gone, unreadable, too large, or not a regular file.
        """
        path = local_path(item.uri)
        resolved = Path(os.path.realpath(path))
        if resolved != path or not resolved.is_relative_to(self._root):
            raise SourceError(f"can't read {path}: it leads out of {self._root}", hint="ingest its real path")
        try:
            descriptor = os.open(path, _OPEN_FLAGS)
        except OSError as error:
            raise _refusal(path, error) from error
        with open(descriptor, "rb") as file:  # noqa: PTH123  (there is no Path for a descriptor)
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise _not_a_file(path)
            try:
                data = file.read(self._max_bytes + 1) if found.st_size <= self._max_bytes else b""
            except OSError as error:
                raise _refusal(path, error) from error
        size = max(found.st_size, len(data))
        if size > self._max_bytes:
            raise SourceError(
                f"can't read {path}: {size / 1e6:.1f} MB is over the limit of {self._max_bytes / 1e6:.1f} MB",
                hint="raise max_file_mb of [ingest], or split the file",
            )
        return RawDocument(uri=item.uri, name=_printable(path.name), data=data)


def _walk(entries: list[os.DirEntry[str]], root: Path, selection: Selection) -> Iterator[Item]:
    """Depth first with a stack of its own: a deep tree must not exhaust Python's."""
    stack = [(iter(entries), selection.ignores_of(root))]
    while stack:
        below, ignores = stack[-1]
        entry = next(below, None)
        if entry is None:
            stack.pop()
            continue
        path = Path(entry.path)
        try:
            if entry.is_dir(follow_symlinks=False):
                if selection.enters(path, ignores):
                    stack.append((iter(_listed(path)), selection.ignores_of(path, ignores)))
            elif not selection.wants_file(path, ignores):
                continue
            elif entry.is_file(follow_symlinks=False):
                yield Item(path.as_uri(), _version(entry.stat(follow_symlinks=False)))
            elif not entry.is_symlink():
                yield Item(path.as_uri(), "", error=str(_not_a_file(path)))
        except OSError as error:
            yield Item(path.as_uri(), "", error=str(_refusal(path, error)))


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)


def _version(found: os.stat_result) -> str:
    return f"{found.st_size}:{found.st_mtime_ns}"


def _printable(name: str) -> str:
    """The name with bytes that are not UTF-8 replaced: a lone surrogate can't be stored."""
    return os.fsencode(name).decode("utf-8", "replace")


def _not_a_file(path: Path) -> SourceError:
    return SourceError(
        f"can't read {_printable(str(path))}: it is a pipe, socket or device, not a regular file",
        hint="copy what it gives into a file",
    )


def _refusal(path: Path, error: OSError) -> SourceError:
    hints: dict[type[OSError], tuple[str, str]] = {
        FileNotFoundError: ("it isn't there", "check the path; it may have been moved or deleted meanwhile"),
        PermissionError: ("no permission", "give this user read permission, or leave it out"),
        NotADirectoryError: ("part of its path is not a folder", "check the path"),
    }
    reason, hint = hints.get(type(error), (error.strerror or str(error), "check the path and the disk"))
    return SourceError(f"can't read {_printable(str(path))}: {reason}", hint=hint)
