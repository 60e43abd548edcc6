"""Chooses the parser for some bytes among all that are registered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import TypeVar

from ragent import registry
from ragent.errors import ParseError
from ragent.protocols import Parser
from ragent.types import Document, RawDocument

Result = TypeVar("Result")


def parse(raw: RawDocument) -> Document:
    """Turn bytes into a document, by the parser that is surest of them.

    Raises:
        ParseError: no parser knows them, or they hold no usable text. Whatever a parser raises of its own is
            turned into this, so that one bad file never stops a batch.
    """
    if not raw.data.strip():
        raise ParseError("the file is empty", hint="nothing to read; delete it or leave it out")
    parsers: dict[str, Parser] = {name: kind() for name, kind in registry.load_all("ragent.parsers").items()}
    sureness = {name: _guard(name, parser.accepts, raw) for name, parser in parsers.items()}
    best = max(sureness, key=sureness.__getitem__, default=None)
    if best is None or sureness[best] <= 0:
        kind = "binary data, not text, of an unknown format" if b"\0" in raw.data else "unknown format"
        suffix = PurePosixPath(raw.name).suffix or "no suffix"
        raise ParseError(f"{kind} ({suffix})", hint=f"formats that can be read: {', '.join(parsers)}")
    document = _guard(best, parsers[best].parse, raw)
    if not document.text.strip():
        raise ParseError("the file holds no text")
    try:
        document.text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ParseError("the text holds half of a surrogate pair", hint="re-save it as UTF-8") from error
    return document


def _guard(name: str, work: Callable[[RawDocument], Result], raw: RawDocument) -> Result:
    try:
        return work(raw)
    except (ParseError, MemoryError):
        raise
    except Exception as error:
        raise ParseError(
            f"the {name} parser failed: {type(error).__name__}: {error}", hint="the file is probably damaged"
        ) from error
