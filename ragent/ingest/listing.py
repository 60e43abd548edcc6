"""Lists sources, and tells which known documents are no longer there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ragent.errors import RagentError, SourceError
from ragent.ingest.work import describe
from ragent.protocols import Source
from ragent.store import KnownDocument
from ragent.types import Changes, Failure, Item


@dataclass(frozen=True, slots=True)
class Origin:
    """A source, the id under which the store remembers it, and the cursor it was left at, if any."""

    source: Source
    id: int | None = None
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """An item, and the origin that listed it first."""

    item: Item
    origin: Origin


@dataclass(slots=True)
class Listing:
    """What all sources hold, each item once, even where they overlap; and what couldn't be listed.

    Attributes:
        items: By uri.
        failed: Sources that couldn't be listed.
        complete: Ids of sources of which every item is here.
        partial: Ids of sources that only told what changed.
        emptied: Uris, by id, of the sources that listed nothing at all.
        deleted: Uris of items that sources said are gone.
        cursors: By source id, where to go on the next time.
        memories: By source id, what it wants to be told the next time, whatever became of its items.
    """

    items: dict[str, Listed] = field(default_factory=dict)
    failed: list[Failure] = field(default_factory=list)
    complete: set[int] = field(default_factory=set)
    partial: set[int] = field(default_factory=set)
    emptied: dict[int, str] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    cursors: dict[int, str] = field(default_factory=dict)
    memories: dict[int, str] = field(default_factory=dict)

    def gone(self, known: Mapping[str, KnownDocument]) -> Iterator[KnownDocument]:
        """Documents that their own source listed once and doesn't list now, or says are deleted.

        What lies below something that couldn't be listed may well be there.
        """
        hidden = tuple(f"{one.item.uri}/" for one in self.items.values() if one.item.error)
        for document in known.values():
            if document.item in self.items or document.item.startswith(hidden):
                continue
            told = document.source_id in self.partial and document.item in self.deleted
            if told or document.source_id in self.complete:
                yield document

    def untold(self, known: Mapping[str, KnownDocument]) -> Iterator[KnownDocument]:
        """Documents of sources that only told what changed, and told nothing of these."""
        for document in known.values():
            told = document.item in self.items or document.item in self.deleted
            if document.source_id in self.partial and not told:
                yield document


def list_all(origins: Iterable[Origin], *, fully: bool) -> Listing:
    """List every source. One that can't be listed is reported and stops no other.

    Unless it is to be listed `fully`, a source that can tells only what changed since its cursor.
    """
    listing = Listing()
    for origin in origins:
        try:
            if fully or not _list_changes(listing, origin):
                _list_items(listing, origin)
        except RagentError as error:
            listing.failed.append(Failure(origin.source.uri, describe(error)))
    return listing


def _list_items(listing: Listing, origin: Origin) -> None:
    source: Any = origin.source
    recall = getattr(source, "recall", None)
    if recall and origin.cursor:
        recall(origin.cursor)
    found = _add(listing, origin, source.items())
    if origin.id is None:
        return
    listing.complete.add(origin.id)
    if not found:
        listing.emptied[origin.id] = source.uri
    if recall:
        listing.memories[origin.id] = source.memory()


def _list_changes(listing: Listing, origin: Origin) -> bool:
    """Whether the source could tell what changed."""
    changes_since = getattr(origin.source, "changes", None)
    if changes_since is None or origin.id is None:
        return False
    try:
        changes: Changes = changes_since(origin.cursor)
    except SourceError:
        if origin.cursor is None:
            raise
        return False
    _add(listing, origin, changes.items)
    listing.deleted.update(changes.deleted)
    listing.cursors[origin.id] = changes.cursor
    (listing.complete if origin.cursor is None else listing.partial).add(origin.id)
    return True


def _add(listing: Listing, origin: Origin, items: Iterable[Item]) -> bool:
    """Whether there was anything."""
    found = False
    for item in items:
        found = True
        listing.items.setdefault(item.uri, Listed(item, origin))
    return found
