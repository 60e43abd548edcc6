"""Which files of a folder tree are wanted: globs, and ignore files in the syntax of `.gitignore`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode

from ragent.errors import SourceError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILES = (".gitignore", ".ragentignore")
_MAX_IGNORE_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class FileRules:
    """Globs as in `.gitignore`, relative to the root: `*.md` anywhere, `/docs/**/*.md` below docs.

    A file is wanted if it fits one of `include` (or there is none) and none of `exclude`, and no ignore file
    (`.gitignore`, `.ragentignore`) in its folders, the root included, leaves it out.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    ignore_files: bool = True


@dataclass(frozen=True, slots=True)
class _Ignore:
    folder: Path
    patterns: GitIgnoreSpec


class Selection:
    """Applies rules to one tree.

    Raises:
        SourceError: a glob is malformed.
    """

    def __init__(self, root: Path, rules: FileRules) -> None:
        self._root = root
        self._rules = rules
        self._include = _compiled(rules.include) if rules.include else None
        self._exclude = _compiled(rules.exclude) if rules.exclude else None

    def ignores_of(self, folder: Path, above: Sequence[_Ignore] = ()) -> tuple[_Ignore, ...]:
        """What holds in a folder: the ignore files of the folders above it, and its own."""
        own = []
        for name in IGNORE_FILES if self._rules.ignore_files else ():
            path = folder / name
            try:
                if path.is_symlink() or not path.is_file() or path.stat().st_size > _MAX_IGNORE_BYTES:
                    continue
                own.append(_Ignore(folder, _compiled(path.read_text("utf-8", "replace").splitlines())))
            except (OSError, SourceError):  # git passes over such files too
                continue
        return (*above, *own)

    def wants_file(self, path: Path, ignores: Sequence[_Ignore]) -> bool:
        """Whether a file is to be read."""
        if self._include and not self._include.match_file(self._relative(path)):
            return False
        return self._is_kept(path, "", ignores)

    def enters(self, folder: Path, ignores: Sequence[_Ignore]) -> bool:
        """Whether a folder is to be walked at all."""
        return self._is_kept(folder, "/", ignores)

    def _is_kept(self, path: Path, ending: str, ignores: Sequence[_Ignore]) -> bool:
        if self._exclude and self._exclude.match_file(self._relative(path) + ending):
            return False
        for ignore in reversed(ignores):  # the nearest folder decides; in one folder, ours before git's
            verdict = ignore.patterns.check_file(path.relative_to(ignore.folder).as_posix() + ending).include
            if verdict is not None:
                return not verdict
        return True

    def _relative(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()


def split_glob(path: Path) -> tuple[Path, str]:
    """A path with wildcards as the folder before the first of them, and the glob below it."""
    parts = path.parts
    first = next((index for index, part in enumerate(parts) if set(part) & set("*?[")), len(parts))
    return Path(*parts[:first]), "/".join(parts[first:])


def read_rules(fragment: str) -> FileRules:
    """Rules as they stand behind the # of a `file://` URI: `include=*.md&include=*.txt&ignore_files=0`.

    Raises:
        SourceError: one of them is unknown.
    """
    values = parse_qs(fragment, keep_blank_values=True)
    unknown = values.keys() - {"include", "exclude", "ignore_files"}
    if unknown:
        raise SourceError(
            f"unknown rule {min(unknown)!r} behind the #", hint="known: include, exclude, ignore_files=0"
        )
    return FileRules(
        tuple(values.get("include", ())),
        tuple(values.get("exclude", ())),
        ignore_files=values.get("ignore_files", ["1"])[-1] != "0",
    )


def write_rules(rules: FileRules) -> str:
    """What `read_rules` reads, with the #; "" for no rules at all."""
    pairs = [("include", glob) for glob in rules.include] + [("exclude", glob) for glob in rules.exclude]
    if not rules.ignore_files:
        pairs.append(("ignore_files", "0"))
    return "#" + urlencode(pairs, safe="/*") if pairs else ""


def _compiled(patterns: Iterable[str]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(patterns)
    except ValueError as error:
        raise SourceError(f"not a glob: {error}", hint="the syntax is that of .gitignore") from error
