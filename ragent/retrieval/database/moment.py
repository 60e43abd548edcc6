"""One read transaction over PostgreSQL: all that a search asks is as of one moment, over one connection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from ragent.filters import Filter
from ragent.index.fields import FieldCondition
from ragent.protocols import Ids, Vectors
from ragent.retrieval.database.bounds import Few, Many, Passing
from ragent.retrieval.views import Bounds
from ragent.store import Passage
from ragent.store.columns import HalfBytes
from ragent.store.passages import passages
from ragent.words.queries import QueryWords

_HEADER_BYTES = 4
_VECTORS = (
    "SELECT chunk_id, halfvec_send(data) FROM vectors WHERE space_id = %(space)s AND chunk_id = ANY(%(ids)s)"
)


@dataclass(frozen=True, slots=True)
class Place:
    """What of a database is searched, and how.

    Attributes:
        has_graph: whether a whole HNSW index is there to search.
        iterates: whether pgvector goes on searching where a filter leaves too little (0.8 and later).
    """

    collection_id: int
    space_id: int
    dimension: int
    chunks: int
    words: int
    has_graph: bool
    iterates: bool


@dataclass
class DatabaseMoment:
    """A `Moment` of `place`. Not shared between threads, as its connection isn't."""

    connection: Connection
    place: Place
    reader: QueryWords
    _vectors: dict[int, NDArray[np.float32]] = field(default_factory=dict)

    def rows(self, query: str, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """What a query gives; its parameters as in `%(name)s`."""
        return self.connection.exec_driver_sql(query, dict(parameters)).all()

    def bounds(self, where: Filter | None, conditions: Sequence[FieldCondition]) -> Bounds | None:
        """What passes a filter and conditions on fields; None for everything."""
        passing = Passing.of(self.place.collection_id, where, conditions, self.reader)
        if passing is None:
            return None
        ids = passing.few(self.connection)
        return Many(self.connection, passing) if ids is None else Few(ids, self.place.chunks)

    def vectors(self, chunk_ids: Sequence[int]) -> Vectors:
        """The chunks' vectors, shape (n, dimension), NaN where a chunk is gone. Each is fetched once."""
        wanted = [int(id_) for id_ in chunk_ids]
        lacking = [id_ for id_ in wanted if id_ not in self._vectors]
        if lacking:
            self.note(self.rows(_VECTORS, {"space": self.place.space_id, "ids": lacking}))
        gone = np.full(self.place.dimension, np.nan, np.float32)
        found = [self._vectors.get(id_, gone) for id_ in wanted]
        return np.stack(found) if found else np.empty((0, self.place.dimension), np.float32)

    def note(self, rows: Sequence[Any]) -> tuple[Ids, Vectors]:
        """The ids and vectors of rows (chunk id, what `halfvec_send` gives); they are kept."""
        ids = np.fromiter((row[0] for row in rows), np.int64, len(rows))
        sent = np.frombuffer(b"".join(row[1] for row in rows), np.uint8)
        halves = sent.reshape(len(rows), _HEADER_BYTES + 2 * self.place.dimension)[:, _HEADER_BYTES:]
        vectors = np.ascontiguousarray(halves).view(">f2").astype(np.float32)
        self._vectors.update(zip(ids.tolist(), vectors, strict=True))
        return ids, vectors

    def passages(self, chunk_ids: Sequence[int]) -> dict[int, Passage]:
        """The chunks, by id; those that are gone are left out."""
        return passages(self.connection, self.place.collection_id, chunk_ids)

    def matching(self, conditions: Iterable[FieldCondition]) -> Ids | None:
        """Ids, ascending, of the chunks that meet all these conditions; None for such of stop words alone."""
        passing = Passing.of(self.place.collection_id, None, tuple(conditions), self.reader)
        return None if passing is None else passing.all(self.connection)


def as_half(vector: Vectors) -> HalfBytes:
    """A vector as PostgreSQL takes it."""
    return HalfBytes(np.ascontiguousarray(vector, dtype="<f2").tobytes())
