"""The values that the store takes and gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ragent.protocols import Vectors
from ragent.types import Chunk, Document, Fingerprint, Metadata


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection when it was asked for. Without vectors, `space_id` and `fingerprint` are None."""

    id: int
    name: str
    generation: int
    space_id: int | None
    fingerprint: Fingerprint | None


@dataclass(frozen=True, slots=True)
class KnownDocument:
    """What tells whether a document changed. `item`: the uri of what its source lists, for most its own."""

    id: int
    uri: str
    item: str
    source_id: int | None
    version: str
    content_hash: str
    title: str


@dataclass(frozen=True, slots=True)
class KnownSource:
    """A place that was ingested, as `ragent.ingest.choosing` takes it, and the cursor it was left at."""

    id: int
    argument: str
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Which document another one repeats, and how much of it: 1 for equal bytes."""

    original: str
    similarity: float


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document ready to be written: row i of `vectors`, and of `names` where there are any, is chunk i's.

    Chunks whose context and text the store holds for it already keep their ids, unless it is `fresh`.
    `replaces` is the hash of the contents that it takes the place of, "" where there were none: if these very
    contents are there by then, another process was faster. None: whatever is there.
    """

    document: Document
    version: str
    content_hash: str
    chunks: tuple[Chunk, ...]
    vectors: Vectors
    item: str | None = None
    source_id: int | None = None
    signature: bytes = b""
    bands: tuple[int, ...] = ()
    duplicate: Duplicate | None = None
    fresh: bool = False
    names: tuple[bytes, ...] = ()
    replaces: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A document whose contents are what they were, listed under another version or by another source."""

    id: int
    version: str
    source_id: int | None


@dataclass(frozen=True, slots=True)
class Move:
    """A document that is now somewhere else. `before`: where it must still be to be moved, if given."""

    id: int
    uri: str
    title: str
    version: str
    source_id: int | None
    before: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """Leases on items (`ragent.store.leases`) that a batch is written under. It ends those of `finished`."""

    holder: str
    finished: frozenset[str]
    unfinished: frozenset[str]


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction brings.

    Attributes:
        documents: Written, or written over.
        settled: By uri, the versions of documents that were written before.
        seen: What was looked at and is as it was.
        moved: What is elsewhere now.
        removed: Ids of documents that go.
        places: By id, where those of `removed` are; one that has moved meanwhile stays.
        held: The leases on the documents' items, where there are such.
    """

    documents: Sequence[NewDocument] = ()
    settled: Mapping[str, str] = field(default_factory=dict)
    seen: Sequence[Seen] = ()
    moved: Sequence[Move] = ()
    removed: Sequence[int] = ()
    places: Mapping[int, str] = field(default_factory=dict)
    held: Held | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """What of a batch wasn't written, because another process was faster.

    Attributes:
        there: Uris of documents that were there already, with the same contents.
        lost: Uris of items that are another's by now, or can't be moved any more: look at them again.
    """

    there: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk with its document's address: a Hit before it is ranked."""

    chunk_id: int
    document_id: int
    uri: str
    title: str
    page: int | None
    start: int
    end: int
    text: str
    context: str
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class IndexedText:
    """What a keyword index reads of a chunk."""

    chunk_id: int
    title: str
    context: str
    text: str


@dataclass(frozen=True, slots=True)
class Counts:
    """The size of a collection. `generation` is its last commit."""

    documents: int
    chunks: int
    tombstones: int
    generation: int


@dataclass(frozen=True, slots=True)
class Problem:
    """Something `fsck` found, and what mends it."""

    where: str
    what: str
    mend: str
