"""Copies the files of a repository: no links, no history, nothing that it ignores."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pathspec

from ragent.errors import ConfigError

_HISTORY = frozenset({".git", ".hg", ".svn", ".jj"})
_MADE = frozenset({".venv", "venv", "node_modules", "__pycache__", ".tox", ".nox", ".mypy_cache"})
_SKIPPED = _HISTORY | _MADE | {".pytest_cache", ".ruff_cache", ".hypothesis"}
_HINT = "name a smaller folder, or have .gitignore leave out what is no source"


@dataclass(frozen=True, slots=True)
class CopyLimits:
    """What a copy may hold. A larger repository is refused, not cut."""

    megabytes: float = 100.0
    files: int = 20_000


@dataclass(frozen=True, slots=True)
class _Ignored:
    """What a .gitignore says, for paths under its folder."""

    base: str
    spec: pathspec.GitIgnoreSpec

    def has(self, path: str) -> bool:
        return self.spec.match_file(path[len(self.base) :])


def is_skipped(name: str) -> bool:
    """Whether a folder or file of that name is never copied, made or written: history, caches, packages."""
    return name.casefold() in _SKIPPED


def copy_repository(repository: Path, folder: Path, limits: CopyLimits) -> frozenset[str]:
    """Copy a repository's files into an empty folder.

    Left out are links and special files, the history of version control, caches, installed packages, and what
    a .gitignore ignores. A .gitignore can't take back what one above it ignores.

    Returns:
        The paths that were left out, folders as a whole.

    Raises:
        ConfigError: it is no folder, can't be read, or is larger than the limits.
    """
    if not repository.is_dir():
        raise ConfigError(f"{repository} is no folder", hint="name the folder of a repository")
    left_out: set[str] = set()
    files, size = 0, 0.0
    try:
        for path in _files(repository, "", (), left_out):
            files, size = files + 1, size + (repository / path).lstat().st_size / 1e6
            if files > limits.files or size > limits.megabytes:
                most = f"{limits.files} files or {limits.megabytes:g} MB"
                raise ConfigError(f"{repository} holds more than {most}", hint=_HINT)
            data = _content(repository / path)
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
    except OSError as error:
        raise ConfigError(f"can't copy {repository}: {error}", hint="make it readable") from None
    return frozenset(left_out)


def _files(root: Path, at: str, ignored: tuple[_Ignored, ...], left_out: set[str]) -> Iterator[str]:
    """Paths of files under a folder, relative to the root; `at` ends with a slash unless empty."""
    rules = root / at / ".gitignore"
    if rules.is_file() and not rules.is_symlink():
        lines = rules.read_text("utf-8", "replace").splitlines()
        ignored = (*ignored, _Ignored(at, pathspec.GitIgnoreSpec.from_lines(lines)))
    with os.scandir(root / at) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        path = f"{at}{entry.name}"
        is_folder = entry.is_dir(follow_symlinks=False)
        matched = f"{path}/" if is_folder else path
        if is_skipped(entry.name) or not path.isprintable() or any(rule.has(matched) for rule in ignored):
            left_out.add(path)
        elif is_folder:
            yield from _files(root, f"{path}/", ignored, left_out)
        elif entry.is_file(follow_symlinks=False):
            yield path
        else:
            left_out.add(path)


def _content(file: Path) -> bytes:
    """A file's bytes; a link put there meanwhile isn't followed, and a pipe isn't waited for."""
    handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as opened:
        return opened.read()
