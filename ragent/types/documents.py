"""Documents on their way into the store, and what of them is embedded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

BlockKind = Literal["heading", "paragraph", "list", "table", "code", "quote"]

Metadata = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing a Source offers: where it is, and a cheap token that changes when it does.

    `error` is set when the source saw the thing but can't offer it (an unreadable folder, say).
    """

    uri: str
    version: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class RawDocument:
    """Bytes as a Source loaded them, before any Parser looked inside."""

    uri: str
    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Changes:
    """What a source says happened since a cursor, and the cursor to ask with the next time.

    `items` may repeat some that were told before; `deleted` are the uris of items that are gone.
    """

    items: tuple[Item, ...]
    deleted: tuple[str, ...]
    cursor: str


@dataclass(frozen=True, slots=True)
class UnpackLimits:
    """How much may come out of one archive or mailbox, nested ones included.

    `depth` counts containers within containers: 1 unpacks an archive, but none inside it.
    """

    members: int = 10_000
    member_bytes: int = 100_000_000
    total_bytes: int = 1_000_000_000
    depth: int = 3


@dataclass(frozen=True, slots=True)
class Block:
    """A structural piece of a document's text. `level` is a heading's depth (1 = top), else 0.

    `label` says where it stands beside its headings: `rows 2–40`, `00:01:05–00:01:20`, `Ledger.total`. An en
    dash parts the two ends of a range, so that neighbours join to one, from the first's start to the last's
    end.
    """

    kind: BlockKind
    start: int
    end: int
    level: int = 0
    label: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """The stretch of the text that stood on one numbered page."""

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Document:
    """A document's text with its structure.

    `blocks` are in order, don't overlap, and lie within the text. `pages` is empty where the format has
    no pages. `metadata` holds JSON values only.
    """

    uri: str
    title: str
    text: str
    media_type: str
    blocks: tuple[Block, ...] = ()
    pages: tuple[Page, ...] = ()
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage small enough for the embedder: `document.text[start:end] == text`, always.

    `context` (title, heading path and label) is embedded and indexed with the text but is no part of it.
    `tokens` counts context and text together, by the embedder's own tokenizer.
    """

    start: int
    end: int
    text: str
    context: str
    tokens: int
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What makes two vectors comparable. Vectors of unequal fingerprints never share an index."""

    model: str
    revision: str
    pooling: str
    query_prefix: str
    document_prefix: str
    dimension: int
    normalized: bool
