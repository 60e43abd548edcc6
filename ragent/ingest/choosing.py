"""Chooses the source that an argument (a path or a URL) names, among all that are registered.

A source is a class with two more methods than the protocol `Source`: `accepts(argument) -> bool`, decided by
the look of the argument alone, and `open(argument, *, max_bytes) -> Source`. Where the argument may hold a
relative path, there is a third: `absolute(argument) -> str`, which names the same from any folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from ragent import registry
from ragent.errors import SourceError
from ragent.ingest.sealing import Scrubber, Sealed
from ragent.ingest.secrets import secrets_of, with_secrets, without_secrets
from ragent.protocols import Source

_FOLDER = "file"


def open_source(argument: str, *, max_bytes: int) -> Source:
    """The source for `argument`. Nothing larger than `max_bytes` is loaded from it.

    Each `***` in it is filled from the environment or netrc (see `ragent.ingest.secrets`). A source with
    secrets shows none of them.

    Raises:
        SourceError: no source takes it, its own source finds it malformed, or a secret is missing.
        MissingExtraError: its source needs a package that is not installed.
    """
    filled = with_secrets(argument)
    kind = _kind_of(filled)
    secrets = secrets_of(filled)
    if not secrets:
        source: Source = kind.open(filled, max_bytes=max_bytes)
        return source
    scrubber = Scrubber(secrets)
    with scrubber.errors():
        return Sealed(kind.open(filled, max_bytes=max_bytes), scrubber)


def absolute(argument: str) -> str:
    """The argument as it can be opened from any folder. Raises as `open_source` does."""
    kind = _kind_of(argument)
    made: str = kind.absolute(argument) if hasattr(kind, "absolute") else argument
    return made


def with_globs(argument: str, include: Sequence[str], exclude: Sequence[str]) -> str:
    """The argument with globs (`.gitignore` syntax) that choose among the files of its folder.

    Raises:
        SourceError: it is no folder of this machine.
    """
    if not include and not exclude:
        return argument
    named = absolute(argument)
    if not named.startswith("file:"):
        raise SourceError(
            f"can't choose files of {without_secrets(argument)} by globs", hint="globs are for folders"
        )
    pairs = [("include", glob) for glob in include] + [("exclude", glob) for glob in exclude]
    return f"{named}{'&' if '#' in named else '#'}{urlencode(pairs, safe='/*')}"


def local_root(argument: str) -> Path:
    """The file or folder of this machine that an argument names, without its globs.

    Raises:
        SourceError: it is none of this machine, or isn't there.
    """
    named = absolute(argument)
    if not named.startswith("file:"):
        raise SourceError(f"can't follow {without_secrets(argument)}", hint="run `ragent sync` now and then")
    root = Path(unquote(urlsplit(named).path))
    if not root.exists():
        raise SourceError(f"can't follow {root}: it isn't there", hint="check the path")
    return root


def _kind_of(argument: str) -> Any:
    """Paths go to the folder source without asking the others, which need not even be importable then."""
    others = [name for name in registry.names("ragent.connectors") if name != _FOLDER]
    for name in (_FOLDER, *others):
        kind = registry.load("ragent.connectors", name)
        if kind.accepts(argument):
            return kind
    raise SourceError(
        f"can't read {without_secrets(argument)}: no source takes such a URL",
        hint=f"sources: {', '.join((_FOLDER, *others))}; or download it and give the path",
    )
