"""Reads many rows by id, a few hundred at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import BindParameter, Connection, bindparam, func, select

from ragent.errors import StoreError
from ragent.protocols import Vectors
from ragent.store.rows import Collection, KnownDocument
from ragent.store.tables import ChunkRow, DocumentRow, VectorRow
from ragent.store.vectors import decode

_IDS_A_QUERY = 500

# Made once: SQLAlchemy takes longer to put a statement together than SQLite to run it.
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_DOCUMENTS = select(ChunkRow.id, ChunkRow.document_id).where(ChunkRow.id.in_(_IDS))
_VECTORS = select(VectorRow.chunk_id, VectorRow.data).where(
    VectorRow.space_id == bindparam("space_id"), VectorRow.chunk_id.in_(_IDS)
)


_KNOWN = select(
    DocumentRow.id,
    DocumentRow.uri,
    func.coalesce(DocumentRow.item, DocumentRow.uri),
    DocumentRow.source_id,
    DocumentRow.version,
    DocumentRow.content_hash,
    DocumentRow.title,
)


def known_documents(
    connection: Connection, collection_id: int, items: Sequence[str] | None
) -> dict[str, KnownDocument]:
    """By uri, what tells whether each document changed: all, or those that came out of these items."""
    known = _KNOWN.where(DocumentRow.collection_id == collection_id)
    if items is None:
        return {row.uri: KnownDocument(*row) for row in connection.execute(known)}
    found: dict[str, KnownDocument] = {}
    for first in range(0, len(items), _IDS_A_QUERY):
        some = items[first : first + _IDS_A_QUERY]
        alone = known.where(DocumentRow.uri.in_(some), DocumentRow.item.is_(None))
        for query in (alone, known.where(DocumentRow.item.in_(some))):
            found.update((row.uri, KnownDocument(*row)) for row in connection.execute(query))
    return found


def documents_of(connection: Connection, chunk_ids: Sequence[int]) -> dict[int, int]:
    """The document of each chunk, by id; chunks that are gone are left out."""
    found: dict[int, int] = {}
    for first in range(0, len(chunk_ids), _IDS_A_QUERY):
        some = [int(id_) for id_ in chunk_ids[first : first + _IDS_A_QUERY]]
        found.update((row.id, row.document_id) for row in connection.execute(_DOCUMENTS, {"ids": some}))
    return found


def chunk_vectors(connection: Connection, collection: Collection, chunk_ids: Sequence[int]) -> Vectors:
    """The vectors of chunks, shape (n, dimension), NaN where a chunk is gone."""
    if collection.fingerprint is None:
        raise StoreError(f"collection {collection.name!r} has no vectors", hint="first: ragent ingest PATH")
    rows = {id_: row for row, id_ in enumerate(chunk_ids)}
    vectors = np.full((len(chunk_ids), collection.fingerprint.dimension), np.nan, np.float32)
    for first in range(0, len(chunk_ids), _IDS_A_QUERY):
        some = [int(id_) for id_ in chunk_ids[first : first + _IDS_A_QUERY]]
        found = connection.execute(_VECTORS, {"space_id": collection.space_id, "ids": some}).all()
        if found:
            vectors[[rows[row.chunk_id] for row in found]] = decode([row.data for row in found])
    return vectors
