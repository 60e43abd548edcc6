"""What a filter lets through, as PostgreSQL says: a few chunks, or a condition that stands in each query.

What passes is counted no further than matters. Few are looked at one by one, which is exact; of many, the
dense side asks the index with the condition in the same query, and the keyword side asks which of its best
pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    and_,
    any_,
    exists,
    literal,
    select,
    true,
)
from sqlalchemy import cast as cast_to
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY

from ragent.filters import Filter
from ragent.index.fields import FieldCondition
from ragent.protocols import Ids, Vectors
from ragent.retrieval import planner
from ragent.retrieval.fusion import Scores
from ragent.retrieval.views import View
from ragent.store import filtering
from ragent.store.columns import POSTGRESQL
from ragent.store.tables import ChunkRow, DocumentRow
from ragent.store.word_tables import CHUNK_WORDS
from ragent.store.words import HEADING, TITLE
from ragent.words.queries import QueryWords

_MARKS = {"title": TITLE, "heading": HEADING}
_GROWTH = 4


@dataclass(frozen=True, slots=True)
class Passing:
    """A filter, conditions on fields, or both, over one collection. `lookup` is a text search's."""

    collection_id: int
    where: Filter | None
    lookup: str

    @classmethod
    def of(
        cls,
        collection_id: int,
        where: Filter | None,
        conditions: Sequence[FieldCondition],
        reader: QueryWords,
    ) -> Passing | None:
        """None where everything passes."""
        found = [lookup(collection_id, reader.read(each.text), each) for each in conditions]
        wanted = " & ".join(part for part in found if part)
        return cls(collection_id, where, wanted) if wanted or where is not None else None

    @property
    def condition(self) -> ColumnElement[bool]:
        """On the columns of chunks and documents. Raises QueryError for a date that is none."""
        filtered = true() if self.where is None else filtering.met(self.where, POSTGRESQL)
        return and_(ChunkRow.collection_id == self.collection_id, filtered, self._worded)

    @property
    def ids(self) -> Select[Any]:
        """Of the chunks that pass."""
        if self.where is not None:
            return filtering.passing(self.collection_id, self.where, POSTGRESQL).where(self._worded)
        return select(ChunkRow.id).where(ChunkRow.collection_id == self.collection_id, self._worded)

    @property
    def _worded(self) -> ColumnElement[bool]:
        if not self.lookup:
            return true()
        words = CHUNK_WORDS.c
        asked = words.words.bool_op("@@")(cast_to(self.lookup, TSQUERY))
        return exists().where(words.chunk_id == ChunkRow.id, asked)

    def all(self, connection: Connection) -> Ids:
        """Of all chunks that pass, ascending."""
        return np.sort(np.fromiter(connection.scalars(self.ids), np.int64))

    def few(self, connection: Connection) -> Ids | None:
        """The same, or None where they are more than a search looks at one by one."""
        found = connection.scalars(self.ids.limit(planner.SCANNED + 1)).all()
        return np.sort(np.array(found, np.int64)) if len(found) <= planner.SCANNED else None

    def within(self, connection: Connection, ids: Ids) -> Ids:
        """Those of some chunks that pass, ascending."""
        query = select(ChunkRow.id).join(DocumentRow, DocumentRow.id == ChunkRow.document_id)
        some = query.where(ChunkRow.id == any_(literal(ids.tolist(), ARRAY(BigInteger))), self.condition)
        return np.sort(np.fromiter(connection.scalars(some), np.int64))


def lookup(collection_id: int, words: Sequence[str], condition: FieldCondition) -> str:
    """A condition on a field as a text search; "" for such of stop words alone."""
    mark = _MARKS[condition.field]
    between = " <-> " if condition.is_phrase else " & "
    return between.join(f"'{collection_id}:{word}':{mark}" for word in words)


class _Sifting(Protocol):
    def nearest_passing(self, query: Vectors, k: int, passing: Passing) -> tuple[Ids, Scores]: ...


@dataclass(frozen=True, slots=True)
class Few:
    """`Bounds` of few chunks, ascending, out of `total`."""

    ids: Ids
    total: int

    @property
    def plan(self) -> dict[str, Any]:
        """What the plan of a search says of it."""
        share = len(self.ids) / self.total if self.total else 0.0
        return {"matching": len(self.ids), "selectivity": round(share, 6), "dense": "scan"}

    def nearest(self, view: View, vector: Vectors, k: int) -> tuple[Ids, Scores]:
        """The `k` nearest chunks inside, or fewer, best first, with their cosines."""
        return _there(*view.dense.search(vector[None], k, self.ids))

    def matching(self, view: View, query: str, k: int) -> tuple[Ids, Scores]:
        """At most `k` chunks inside that share a word with the query, best first, with their scores."""
        return view.keyword.search(query, k, self.ids)

    def within(self, ids: Ids) -> Ids:
        """Those of some chunks that are inside, ascending."""
        return cast(Ids, np.intersect1d(ids, self.ids))


@dataclass(frozen=True, slots=True)
class Many:
    """`Bounds` of more chunks than are worth listing."""

    connection: Connection
    passing: Passing

    @property
    def plan(self) -> dict[str, Any]:
        """What the plan of a search says of it; nobody counted further."""
        return {"matching_at_least": planner.SCANNED + 1, "dense": "index"}

    def nearest(self, view: View, vector: Vectors, k: int) -> tuple[Ids, Scores]:
        """The `k` nearest chunks inside, or fewer, best first, with their cosines."""
        return cast(_Sifting, view.dense).nearest_passing(vector, k, self.passing)

    def matching(self, view: View, query: str, k: int) -> tuple[Ids, Scores]:
        """At most `k` chunks inside that share a word with the query, best first, with their scores."""
        depth = _GROWTH * k
        while True:
            ids, scores = view.keyword.search(query, depth)
            kept = np.flatnonzero(np.isin(ids, self.within(ids)))[:k]
            if len(kept) == k or len(ids) < depth:
                return ids[kept], scores[kept]
            depth *= _GROWTH

    def within(self, ids: Ids) -> Ids:
        """Those of some chunks that are inside, ascending."""
        return self.passing.within(self.connection, ids)


def _there(ids: Ids, scores: Vectors) -> tuple[Ids, Scores]:
    found = ids[0] >= 0
    return ids[0][found], scores[0][found]
