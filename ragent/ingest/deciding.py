"""Decides, item by item, what there is to do: nothing, note a move, or read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from ragent.errors import SourceError
from ragent.ingest.listing import Listed
from ragent.ingest.work import Task, describe, hash_of
from ragent.store import KnownDocument, Move
from ragent.types import Item


@dataclass(frozen=True, slots=True)
class Step:
    """One item's turn.

    Attributes:
        item: What its source listed.
        source_id: The source, where the store remembers it.
        known: The documents that came out of the item before.
        error: Why it can't be read, if so.
        adopt: Whether what the store holds is right but for version and source.
        move: Set when the item is a known document in a new place.
        moved_from: Where that was.
        reads: Whether a task goes with the step.
    """

    item: Item
    source_id: int | None
    known: tuple[KnownDocument, ...] = ()
    error: str = ""
    adopt: bool = False
    move: Move | None = None
    moved_from: str = ""
    reads: bool = False


class Decider:
    """Compares what is listed with what is known. Loads only items under another version than known."""

    def __init__(
        self, known: Mapping[str, KnownDocument], gone: Iterable[KnownDocument], *, force: bool
    ) -> None:
        self._force = force
        self._known: dict[str, list[KnownDocument]] = defaultdict(list)
        for document in known.values():
            self._known[document.item].append(document)
        # Files inside an archive don't move by themselves.
        own = (document for document in gone if document.item == document.uri)
        self._gone: dict[str, list[KnownDocument]] = defaultdict(list)
        for document in sorted(own, key=lambda document: document.uri, reverse=True):
            self._gone[document.content_hash].append(document)

    def is_settled(self, one: Listed) -> bool:
        """Whether nothing is to be read or written for it but its source's id."""
        known = self._known.get(one.item.uri, ())
        unchanged = bool(known) and not self._force and all(_is(document, one.item) for document in known)
        return unchanged or bool(one.item.error)

    def learn(self, items: Iterable[str], known: Mapping[str, KnownDocument]) -> None:
        """What is known of some items by now."""
        for uri in items:
            self._known.pop(uri, None)
        for document in known.values():
            self._known[document.item].append(document)

    def steps(self, listed: Iterable[Listed]) -> Iterator[tuple[Step, Task | None]]:
        """A step for each item, in order, and the task of those that are to be read."""
        for one in listed:
            try:
                yield self._decide(one)
            except SourceError as error:
                yield Step(one.item, one.origin.id, error=describe(error)), None

    def _decide(self, one: Listed) -> tuple[Step, Task | None]:
        item, source_id = one.item, one.origin.id
        if item.error:
            raise SourceError(item.error)
        known = tuple(self._known.get(item.uri, ()))
        if self.is_settled(one):
            adopt = source_id is not None and any(document.source_id is None for document in known)
            return Step(item, source_id, known, adopt=adopt), None
        raw = one.origin.source.load(item)
        content_hash = hash_of(raw)
        if not known and (before := self._moved_here(content_hash)):
            title = _title_after(before, item.uri)
            move = Move(before.id, item.uri, title, item.version, source_id, before.uri)
            return Step(item, source_id, (before,), move=move, moved_from=before.uri), None
        if not self._force and len(known) == 1 and known[0].content_hash == content_hash:
            return Step(item, source_id, known, adopt=True), None
        hashes = {} if self._force else {document.uri: document.content_hash for document in known}
        return Step(item, source_id, known, reads=True), Task(raw, hashes)

    def _moved_here(self, content_hash: str) -> KnownDocument | None:
        candidates = self._gone.get(content_hash)
        return candidates.pop() if candidates else None


def _is(document: KnownDocument, item: Item) -> bool:
    """Whether a document is what its source lists; without a hash it is to be read in any case."""
    return document.version == item.version and bool(document.content_hash)


def _title_after(before: KnownDocument, uri: str) -> str:
    """A title taken from the file's name moves with it; one from inside the document stays."""
    return _stem(uri) if before.title == _stem(before.uri) else before.title


def _stem(uri: str) -> str:
    return PurePosixPath(unquote(urlsplit(uri).path)).stem
