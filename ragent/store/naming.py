"""Reads and writes the names in chunks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, LargeBinary, Row, Select, bindparam, delete, insert, select

from ragent.store.tables import ChunkRow, DocumentRow, NamesRow


def named_chunks(collection_id: int) -> Select[*tuple[Any, ...]]:
    """(chunk id, document id, names or None) of each chunk of a collection, by chunk id."""
    return (
        select(ChunkRow.id, ChunkRow.document_id, NamesRow.data)
        .outerjoin(NamesRow, NamesRow.chunk_id == ChunkRow.id)
        .where(ChunkRow.collection_id == collection_id)
        .order_by(ChunkRow.id)
    )


def titles(connection: Connection, collection_id: int) -> list[Row[tuple[int, str]]]:
    """(document id, title) of each document."""
    query = select(DocumentRow.id, DocumentRow.title).where(DocumentRow.collection_id == collection_id)
    return list(connection.execute(query))


def write_names(connection: Connection, names: Mapping[int, bytes]) -> None:
    """Note the names of chunks, by id, over what was noted; ids of chunks that are gone are passed over."""
    if not names:
        return
    connection.execute(
        delete(NamesRow).where(NamesRow.chunk_id == bindparam("chunk")), [{"chunk": id_} for id_ in names]
    )
    there: Select[*tuple[Any, ...]] = select(ChunkRow.id, bindparam("names", type_=LargeBinary)).where(
        ChunkRow.id == bindparam("chunk")
    )
    connection.execute(
        insert(NamesRow).from_select(["chunk_id", "data"], there),
        [{"chunk": id_, "names": data} for id_, data in names.items()],
    )
