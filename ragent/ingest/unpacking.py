"""Opens archives, mailboxes and mails: one loaded file becomes the documents inside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ragent import registry
from ragent.errors import RagentError
from ragent.ingest.work import describe
from ragent.protocols import Container, Parser
from ragent.types import Failure, RawDocument, UnpackLimits

_DEFAULT_LIMITS = UnpackLimits()


def unpack(raw: RawDocument, limits: UnpackLimits = _DEFAULT_LIMITS) -> Iterator[RawDocument | Failure]:
    """The documents in a loaded file, itself when it is no container, and what can't be read as failures.

    Lazy: one member is in memory at a time, with the containers around it. Never raises: whatever a container
    raises is a Failure that names it.
    """
    yield from _Unpacking(limits).open(raw, depth=0)


@dataclass(slots=True)
class _Unpacking:
    """One call of `unpack`: counts over all levels of nesting."""

    limits: UnpackLimits
    members: int = 0
    total_bytes: int = 0

    def open(self, raw: RawDocument, depth: int) -> Iterator[RawDocument | Failure]:
        container = _choose(raw)
        if container is None or container.is_document:
            yield raw
        if container is None:
            return
        if depth < self.limits.depth:
            yield from self._members(container, raw, depth)
        elif _holds_something(container, raw, self.limits):
            yield Failure(raw.uri, f"it is nested more than {self.limits.depth} deep: unpack it first")

    def _members(self, container: Container, raw: RawDocument, depth: int) -> Iterator[RawDocument | Failure]:
        try:
            for member in container.members(raw, self.limits):
                if refusal := self._refusal():
                    yield Failure(raw.uri, refusal)
                    return
                self.members += 1
                if isinstance(member, Failure):
                    yield member
                    continue
                self.total_bytes += len(member.data)
                yield from self.open(member, depth + 1)
        except Exception as error:
            yield _failure(raw, error)

    def _refusal(self) -> str:
        """Why no further member may be read; "" while one may."""
        if self.members >= self.limits.members:
            return f"it holds more than {self.limits.members} files: unpack it and ingest the folder"
        if self.total_bytes > self.limits.total_bytes:
            limit = f"{self.limits.total_bytes / 1e6:.0f} MB"
            return f"it unpacks to more than {limit}: unpack what you need of it"
        return ""


def _holds_something(container: Container, raw: RawDocument, limits: UnpackLimits) -> bool:
    try:
        return next(container.members(raw, limits), None) is not None
    except Exception:
        return True  # it is damaged, and so not empty


def _choose(raw: RawDocument) -> Container | None:
    """The surest container, unless a parser is surer: office documents are ZIP archives too."""
    best, sureness = None, 0.0
    for kind in registry.load_all("ragent.containers").values():
        container: Container = kind()
        if (own := _sureness(container, raw)) > sureness:
            best, sureness = container, own
    if best is None:
        return None
    parsers = [kind() for kind in registry.load_all("ragent.parsers").values()]
    return None if any(_sureness(parser, raw) > sureness for parser in parsers) else best


def _sureness(sniffer: Container | Parser, raw: RawDocument) -> float:
    """What trips over the bytes won't take them; if it is a parser, parsing says so later."""
    try:
        return sniffer.accepts(raw)
    except Exception:
        return 0.0


def _failure(raw: RawDocument, error: Exception) -> Failure:
    if isinstance(error, RagentError | MemoryError):
        return Failure(raw.uri, " ".join(describe(error).split()))
    problem = f"it can't be unpacked, it is damaged: {type(error).__name__}: {error}"
    return Failure(raw.uri, " ".join(problem.split()))
