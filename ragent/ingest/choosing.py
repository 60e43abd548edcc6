"""Chooses the source that an argument (a path or a URL) names, among all that are registered.

A source is a class with two more methods than the protocol `Source`: `accepts(argument) -> bool`, decided by
the look of the argument alone, and `open(argument, *, max_bytes) -> Source`.
"""

from __future__ import annotations

from ragent import registry
from ragent.errors import SourceError
from ragent.protocols import Source

_FOLDER = "file"


def open_source(argument: str, *, max_bytes: int) -> Source:
    """The source for `argument`. Nothing larger than `max_bytes` is loaded from it.

    Paths go to the folder source without asking the others, which need not even be importable then.

    Raises:
        SourceError: no source takes it, or its own source finds it malformed.
        MissingExtraError: its source needs a package that is not installed.
    """
    others = [name for name in registry.names("ragent.connectors") if name != _FOLDER]
    for name in (_FOLDER, *others):
        kind = registry.load("ragent.connectors", name)
        if kind.accepts(argument):
            source: Source = kind.open(argument, max_bytes=max_bytes)
            return source
    raise SourceError(
        f"can't read {argument}: no source takes such a URL",
        hint=f"sources: {', '.join((_FOLDER, *others))}; or download it and give the path",
    )
