"""Chunks as a search shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from ragent.store.rows import Passage
from ragent.store.tables import ChunkRow, DocumentRow

_IDS_A_QUERY = 500

_PASSAGES: Select[Any] = select(
    ChunkRow.id.label("chunk_id"),
    ChunkRow.document_id,
    DocumentRow.uri,
    DocumentRow.title,
    ChunkRow.page,
    ChunkRow.start,
    ChunkRow.end,
    ChunkRow.text,
    ChunkRow.context,
    DocumentRow.meta.label("metadata"),
).join(DocumentRow, DocumentRow.id == ChunkRow.document_id)

# The sum keeps SQLite from walking the whole collection's index instead of looking up a few ids. Made once,
# for SQLAlchemy takes longer to put a statement together than SQLite to run it.
_BY_ID = _PASSAGES.where(
    ChunkRow.id.in_(bindparam("ids", expanding=True)),
    ChunkRow.collection_id + 0 == bindparam("collection_id"),
)


def passages(connection: Connection, collection_id: int, chunk_ids: Sequence[int]) -> dict[int, Passage]:
    """The chunks that still exist, by id; ids that don't are left out."""
    found: dict[int, Passage] = {}
    for first in range(0, len(chunk_ids), _IDS_A_QUERY):
        some = [int(id_) for id_ in chunk_ids[first : first + _IDS_A_QUERY]]
        rows = connection.execute(_BY_ID, {"ids": some, "collection_id": collection_id})
        found.update((row.chunk_id, Passage(*row)) for row in rows)
    return found
