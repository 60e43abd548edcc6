"""The nearest vectors, by pgvector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, bindparam, literal_column, select, text

from ragent.protocols import Ids, Vectors
from ragent.retrieval.database.bounds import Passing
from ragent.retrieval.database.moment import DatabaseMoment, as_half
from ragent.retrieval.fusion import Scores
from ragent.store.columns import HalfVector
from ragent.store.tables import ChunkRow, DocumentRow, VectorRow

_EXACTLY = " + 0"
"""Behind a distance: what no index can order by."""
_DETOURS = ("enable_sort", "enable_hashjoin", "enable_mergejoin")
"""Ways to put chunks in order, or together with their documents, that leave the index aside."""


class DatabaseDense:
    """A `DenseView`. What is found is scored here, from the vectors, which later steps ask for anyway."""

    def __init__(self, moment: DatabaseMoment) -> None:
        self._moment = moment
        self._place = moment.place

    @property
    def kind(self) -> str:
        return "hnsw" if self._place.has_graph else "exact"

    @property
    def ids(self) -> Ids:
        query = "SELECT chunk_id FROM vectors WHERE space_id = %(space)s ORDER BY chunk_id"
        rows = self._moment.rows(query, {"space": self._place.space_id})
        return np.fromiter((row[0] for row in rows), np.int64, len(rows))

    @property
    def dead(self) -> Ids:
        return np.empty(0, np.int64)

    def search(self, queries: Vectors, k: int, among: Ids | None = None) -> tuple[Ids, Vectors]:
        """Ids and scores, each of shape (n, k), best first; id -1 where there are fewer than k."""
        ids = np.full((len(queries), k), -1, np.int64)
        scores = np.full((len(queries), k), np.finfo(np.float32).min, np.float32)
        for row, query in enumerate(queries):
            found, cosines = self._nearest(query, k, among)
            ids[row, : len(found)], scores[row, : len(found)] = found, cosines
        return ids, scores

    def score(self, query: Vectors, ids: Ids) -> Vectors:
        """Scores, shape (n,), of the given ids for one query, shape (dimension,); NaN for unknown ids."""
        scores: Vectors = self._moment.vectors(ids.tolist()) @ query
        return scores

    def nearest_passing(self, query: Vectors, k: int, passing: Passing) -> tuple[Ids, Scores]:
        """The `k` nearest of the chunks that pass, or fewer, best first, with their scores."""
        place = self._place
        if place.has_graph and place.iterates:
            found = self._passing(query, k, passing, "")
            if len(found) == k:
                return self._scored(query, found)
        return self._scored(query, self._passing(query, k, passing, _EXACTLY))

    def _nearest(self, query: Vectors, k: int, among: Ids | None) -> tuple[Ids, Scores]:
        values: dict[str, Any] = {"query": as_half(query)}
        if among is not None:
            values["ids"] = among.tolist()
            return self._scored(query, self._ordered(values, k, " AND chunk_id = ANY(%(ids)s)", _EXACTLY))
        found = self._ordered(values, k, "", "")
        if len(found) < min(k, self._place.chunks):
            # A graph may not lead to as many as there are.
            found = self._ordered(values, k, "", _EXACTLY)
        return self._scored(query, found)

    def _ordered(self, values: dict[str, Any], k: int, condition: str, exactly: str) -> Sequence[Any]:
        # Only whole numbers are put into the text: with them as parameters, no partial index would serve.
        space, dimension = self._place.space_id, self._place.dimension
        distance = f"(data::halfvec({dimension:d}) <#> %(query)s){exactly}"
        return self._moment.rows(
            "SELECT chunk_id, halfvec_send(data) FROM vectors "  # noqa: S608
            f"WHERE space_id = {space:d}{condition} ORDER BY {distance} LIMIT {k:d}",
            values,
        )

    def _passing(self, query: Vectors, k: int, passing: Passing, exactly: str) -> Sequence[Any]:
        """Goes along the index until so many passed; pgvector gives up after `hnsw.max_scan_tuples`."""
        order = text(f"(vectors.data::halfvec({self._place.dimension}) <#> :query){exactly}")
        sent: ColumnElement[Any] = literal_column("halfvec_send(vectors.data)")
        chosen = (
            select(VectorRow.chunk_id, sent)
            .join(ChunkRow, ChunkRow.id == VectorRow.chunk_id)
            .join(DocumentRow, DocumentRow.id == ChunkRow.document_id)
            .where(literal_column(f"vectors.space_id = {self._place.space_id}"), passing.condition)
            .order_by(order.bindparams(bindparam("query", as_half(query), type_=HalfVector())))
            .limit(k)
        )
        if exactly:
            return self._moment.connection.execute(chosen).all()
        self._detours("off")
        rows = self._moment.connection.execute(chosen).all()
        self._detours("on")
        return rows

    def _detours(self, value: str) -> None:
        settings = ", ".join(f"set_config('{name}', '{value}', true)" for name in _DETOURS)
        self._moment.rows(f"SELECT {settings}", {})

    def _scored(self, query: Vectors, rows: Sequence[Any]) -> tuple[Ids, Scores]:
        ids, vectors = self._moment.note(rows)
        scores: Scores = vectors @ query
        order = np.lexsort((ids, -scores))
        return ids[order], scores[order]
