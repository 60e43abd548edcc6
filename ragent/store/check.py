"""Proves that a database keeps its promises: what `ragent fsck` asks of the store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select

from ragent.errors import StoreError
from ragent.store.database import Database
from ragent.store.graph import check_graph
from ragent.store.postgresql import check_postgresql
from ragent.store.rows import Problem
from ragent.store.sqlite import check_sqlite
from ragent.store.tables import ChunkRow, CollectionRow, DocumentRow, SpaceRow, TombstoneRow, VectorRow
from ragent.store.vectors import decode

_REINGEST = "ragent ingest --force PATH, with the document's path"
_RESTORE = "restore the database from a backup, or ingest into a new home"
_UNIT_TOLERANCE = 0.01
_ROWS_A_FETCH = 1000


def check_database(database: Database) -> Iterator[Problem]:
    """Every problem of a database, none of which ragent's own writes can leave behind, killed or not."""
    with database.readers.connect() as connection:
        try:
            own = check_postgresql if database.is_postgresql else check_sqlite
            for where, what in own(connection):
                yield Problem(where, what, _RESTORE)
            yield from _check_chunks(connection)
            yield from _check_vectors(connection)
            yield from _check_generations(connection)
            yield from check_graph(connection)
        except StoreError as error:
            yield Problem("database", f"can't be read: {error.message}", _RESTORE)


def _check_chunks(connection: Connection) -> Iterator[Problem]:
    """`document.text[start:end] == chunk.text`, for every chunk."""
    documents = select(DocumentRow.id, DocumentRow.uri, DocumentRow.text)
    for document in connection.execute(documents, execution_options={"yield_per": _ROWS_A_FETCH}):
        chunks = select(ChunkRow.id, ChunkRow.start, ChunkRow.end, ChunkRow.text)
        for chunk in connection.execute(chunks.where(ChunkRow.document_id == document.id)):
            if document.text[chunk.start : chunk.end] != chunk.text:
                where = f"chunk {chunk.id} of {document.uri}"
                yield Problem(where, "its text isn't what stands at its offsets", _REINGEST)


def _check_vectors(connection: Connection) -> Iterator[Problem]:
    missing = (
        select(ChunkRow.id)
        .join(SpaceRow, (SpaceRow.collection_id == ChunkRow.collection_id) & SpaceRow.active)
        .outerjoin(VectorRow, (VectorRow.chunk_id == ChunkRow.id) & (VectorRow.space_id == SpaceRow.id))
        .where(VectorRow.chunk_id.is_(None))
    )
    for chunk_id in connection.scalars(missing):
        yield Problem(f"chunk {chunk_id}", "has no vector", _REINGEST)
    for space in connection.execute(select(SpaceRow.id, SpaceRow.fingerprint)):
        yield from _check_space(connection, space.id, space.fingerprint)


def _check_space(connection: Connection, space_id: int, fingerprint: dict[str, Any]) -> Iterator[Problem]:
    query = select(VectorRow.chunk_id, VectorRow.data).where(VectorRow.space_id == space_id)
    result = connection.execute(query, execution_options={"yield_per": _ROWS_A_FETCH})
    for rows in result.partitions():
        right_size = [row for row in rows if len(row.data) == 2 * fingerprint["dimension"]]
        for row in set(rows) - set(right_size):
            yield Problem(f"vector of chunk {row.chunk_id}", "has the wrong length", _REINGEST)
        if not (right_size and fingerprint["normalized"]):
            continue
        norms = np.linalg.norm(decode([row.data for row in right_size]), axis=1)
        for index in np.flatnonzero(~(np.abs(norms - 1) < _UNIT_TOLERANCE)):
            yield Problem(f"vector of chunk {right_size[index].chunk_id}", "isn't of unit length", _REINGEST)


def _check_generations(connection: Connection) -> Iterator[Problem]:
    ahead = select(CollectionRow.name).join(ChunkRow).group_by(CollectionRow.id)
    for name in connection.scalars(ahead.having(func.max(ChunkRow.generation) > CollectionRow.generation)):
        yield Problem(f"collection {name}", "holds chunks of a generation to come", "ragent index rebuild")
    undead = select(ChunkRow.id).join(TombstoneRow, TombstoneRow.chunk_id == ChunkRow.id)
    for chunk_id in connection.scalars(undead):
        yield Problem(f"chunk {chunk_id}", "is marked as deleted, but is there", _REINGEST)
