"""Reads of one moment, for whatever derives something from the store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, func, select

from ragent.protocols import Ids, Vectors
from ragent.store import naming
from ragent.store.rows import IndexedText
from ragent.store.tables import ChunkRow, DocumentRow, TombstoneRow, VectorRow
from ragent.store.vectors import decode

_ROWS_A_FETCH = 8192


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A collection as of `generation`. Everything comes in order of chunk id. Use it inside its `with`."""

    connection: Connection
    collection_id: int
    space_id: int
    generation: int

    def vectors(self, since: int) -> Iterator[tuple[Ids, Vectors]]:
        """Ids, shape (n,), and vectors, shape (n, dimension), of chunks later than generation `since`."""
        query = (
            select(VectorRow.chunk_id, VectorRow.data)
            .join(ChunkRow, ChunkRow.id == VectorRow.chunk_id)
            .where(VectorRow.space_id == self.space_id, *self._later(since))
            .order_by(VectorRow.chunk_id)
        )
        for rows in self._fetch(query):
            ids = np.fromiter((row[0] for row in rows), np.int64, len(rows))
            yield ids, decode([row[1] for row in rows])

    def texts(self, since: int) -> Iterator[list[IndexedText]]:
        """Title, context and text of chunks later than generation `since`."""
        query = (
            select(ChunkRow.id, DocumentRow.title, ChunkRow.context, ChunkRow.text)
            .join(DocumentRow, DocumentRow.id == ChunkRow.document_id)
            .where(*self._later(since))
            .order_by(ChunkRow.id)
        )
        for rows in self._fetch(query):
            yield [IndexedText(*row) for row in rows]

    def deleted(self, since: int) -> Ids:
        """Ids of the chunks removed later than generation `since`, shape (n,)."""
        query = select(TombstoneRow.chunk_id).where(
            TombstoneRow.collection_id == self.collection_id, TombstoneRow.generation > since
        )
        return np.array(sorted(self.connection.scalars(query)), dtype=np.int64)

    def live(self) -> Ids:
        """Ids of all chunks, shape (n,)."""
        query = select(ChunkRow.id).where(ChunkRow.collection_id == self.collection_id).order_by(ChunkRow.id)
        return np.fromiter(self.connection.scalars(query), np.int64)

    def named(self) -> Iterator[list[tuple[int, int, bytes | None]]]:
        """(chunk id, document id, names) of all chunks; None where names are yet to be extracted."""
        yield from self._fetch(naming.named_chunks(self.collection_id))

    def titles(self) -> dict[int, str]:
        """The title of each document, by its id."""
        return {row.id: row.title for row in naming.titles(self.connection, self.collection_id)}

    def tally(self) -> tuple[int, int]:
        """How many chunks there are, and the sum of their ids: a cheap way to recognise a set of ids."""
        query = select(func.count(), func.coalesce(func.sum(ChunkRow.id), 0))
        of_collection = ChunkRow.collection_id == self.collection_id
        count, total = self.connection.execute(query.where(of_collection)).one()
        return int(count), int(total)

    def _later(self, since: int) -> tuple[Any, Any]:
        return ChunkRow.collection_id == self.collection_id, ChunkRow.generation > since

    def _fetch(self, query: Select[*tuple[Any, ...]]) -> Iterator[list[Any]]:
        result = self.connection.execute(query, execution_options={"yield_per": _ROWS_A_FETCH})
        for rows in result.partitions():
            yield list(rows)
