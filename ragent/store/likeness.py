"""Finds what documents share: equal contents, alike signatures, vectors of equal text."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select
from sqlalchemy.orm import aliased

from ragent.store.rows import Collection, Duplicate
from ragent.store.tables import BandRow, ChunkRow, DocumentRow, DuplicateRow, SignatureRow, VectorRow

_A_QUERY = 500


def duplicates(connection: Connection, collection_id: int) -> dict[str, Duplicate]:
    """By uri, the documents that repeat another one."""
    other = aliased(DocumentRow)
    query = (
        select(DocumentRow.uri, other.uri, DuplicateRow.similarity)
        .join(DuplicateRow, DuplicateRow.document_id == DocumentRow.id)
        .join(other, other.id == DuplicateRow.original_id)
        .where(DocumentRow.collection_id == collection_id)
    )
    return {row[0]: Duplicate(row[1], row[2]) for row in connection.execute(query)}


def alike(connection: Connection, collection_id: int, bands: Sequence[int]) -> dict[str, tuple[bytes, str]]:
    """Signatures and hashes of contents, by uri, of the documents that share one of these bands."""
    found: dict[str, tuple[bytes, str]] = {}
    for first in range(0, len(bands), _A_QUERY):
        query = (
            select(DocumentRow.uri, SignatureRow.data, DocumentRow.content_hash)
            .join(SignatureRow, SignatureRow.document_id == DocumentRow.id)
            .join(BandRow, BandRow.document_id == DocumentRow.id)
            .where(BandRow.collection_id == collection_id, BandRow.key.in_(bands[first : first + _A_QUERY]))
            .order_by(DocumentRow.id)
        )
        found.update((row.uri, (row.data, row.content_hash)) for row in connection.execute(query))
    return found


def vectors_of(
    connection: Connection, collection: Collection, uris: Sequence[str]
) -> dict[tuple[str, str], bytes]:
    """The stored vectors of documents' chunks, by (context, text)."""
    found: dict[tuple[str, str], bytes] = {}
    for first in range(0, len(uris), _A_QUERY):
        query = (
            select(ChunkRow.context, ChunkRow.text, VectorRow.data)
            .join(VectorRow, VectorRow.chunk_id == ChunkRow.id)
            .join(DocumentRow, DocumentRow.id == ChunkRow.document_id)
            .where(DocumentRow.collection_id == collection.id, VectorRow.space_id == collection.space_id)
            .where(DocumentRow.uri.in_(uris[first : first + _A_QUERY]))
        )
        found.update(((row[0], row[1]), row[2]) for row in connection.execute(query))
    return found
