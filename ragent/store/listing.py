"""Lists documents for people, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Select, func, or_, select

from ragent.store.tables import ChunkRow, CollectionRow, DocumentRow
from ragent.types import Metadata


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A document without its text. `pages` and `chars` count; `content_hash` is of the bytes it came from."""

    id: int
    collection: str
    uri: str
    title: str
    media_type: str
    pages: int
    chars: int
    chunks: int
    metadata: Metadata
    content_hash: str
    updated_at: datetime


def count_all(connection: Connection) -> dict[str, tuple[int, int]]:
    """How many documents and chunks each collection holds, by its name."""

    def counted(table: type[DocumentRow] | type[ChunkRow]) -> dict[int, int]:
        query = select(table.collection_id, func.count()).group_by(table.collection_id)
        return {row[0]: row[1] for row in connection.execute(query)}

    documents, chunks = counted(DocumentRow), counted(ChunkRow)
    names = connection.execute(select(CollectionRow.id, CollectionRow.name))
    return {row.name: (documents.get(row.id, 0), chunks.get(row.id, 0)) for row in names}


def list_documents(
    connection: Connection, collection_id: int, words: str, first: int, most: int
) -> list[DocumentInfo]:
    """The documents of a collection whose title or address holds these words, by address."""
    query = _DOCUMENTS.where(DocumentRow.collection_id == collection_id)
    if words:
        like = func.lower
        query = query.where(
            or_(
                like(DocumentRow.title).contains(words.lower(), autoescape=True),
                like(DocumentRow.uri).contains(words.lower(), autoescape=True),
                like(DocumentRow.uri).contains(quote(words).lower(), autoescape=True),
            )
        )
    rows = connection.execute(query.order_by(DocumentRow.uri).offset(first).limit(most))
    return [_info(row) for row in rows]


def find_document(connection: Connection, document_id: int) -> DocumentInfo | None:
    """One document, or None."""
    row = connection.execute(_DOCUMENTS.where(DocumentRow.id == document_id)).one_or_none()
    return _info(row) if row else None


_COUNTED = (
    select(func.count())
    .where(ChunkRow.document_id == DocumentRow.id)
    .correlate(DocumentRow)
    .scalar_subquery()
)
_DOCUMENTS: Select[Any] = select(
    DocumentRow.id,
    CollectionRow.name.label("collection"),
    DocumentRow.uri,
    DocumentRow.title,
    DocumentRow.media_type,
    DocumentRow.pages,
    func.length(DocumentRow.text).label("chars"),
    _COUNTED.label("chunks"),
    DocumentRow.meta,
    DocumentRow.content_hash,
    DocumentRow.updated_at,
).join(CollectionRow, CollectionRow.id == DocumentRow.collection_id)


def _info(row: Any) -> DocumentInfo:
    return DocumentInfo(
        id=row.id,
        collection=row.collection,
        uri=row.uri,
        title=row.title,
        media_type=row.media_type,
        pages=len(row.pages or []),
        chars=row.chars,
        chunks=row.chunks,
        metadata=row.meta,
        content_hash=row.content_hash,
        updated_at=row.updated_at.replace(tzinfo=UTC),
    )
