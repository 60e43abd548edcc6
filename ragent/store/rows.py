"""The values that the store takes and gives."""

from __future__ import annotations

from dataclasses import dataclass

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
    """What tells whether a document changed."""

    id: int
    version: str
    content_hash: str


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document ready to be written: row i of `vectors` belongs to chunk i."""

    document: Document
    version: str
    content_hash: str
    chunks: tuple[Chunk, ...]
    vectors: Vectors


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
