"""Finds the candidates of one query on both sides, and ranks them by one score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ragent.config import RetrievalSettings
from ragent.protocols import Ids, Vectors
from ragent.retrieval.clock import Clock
from ragent.retrieval.fusion import Scores, convex, reciprocal_rank
from ragent.retrieval.kinds import kind_of
from ragent.retrieval.planner import nearest
from ragent.retrieval.views import Bounds, View
from ragent.types import Query


@dataclass(frozen=True, slots=True)
class Candidates:
    """Candidates, best first, with the scores of each side that searched.

    Attributes:
        ids: of the chunks, shape (n,).
        scores: what they are ranked by, shape (n,).
        counts: how many each side contributed, for the plan.
        dense: cosines, shape (n,), or None.
        keyword: BM25 scores, shape (n,), or None.
        nearest: the best cosine, where both sides searched.
        affinity: likeness to the best of them, shape (n,), where that counts.
        method: how they were fused, for the plan.
    """

    ids: Ids
    scores: Scores
    counts: dict[str, int]
    dense: Scores | None = None
    keyword: Scores | None = None
    nearest: float | None = None
    affinity: Scores | None = None
    method: dict[str, Any] = field(default_factory=dict)

    def take(self, places: Sequence[int]) -> Candidates:
        """Those at some places, in that order."""
        rows = np.array(places, np.int64)
        return replace(
            self,
            ids=self.ids[rows],
            scores=self.scores[rows],
            dense=None if self.dense is None else self.dense[rows],
            keyword=None if self.keyword is None else self.keyword[rows],
            affinity=None if self.affinity is None else self.affinity[rows],
        )


@dataclass(frozen=True, slots=True)
class Finder:
    """Both indexes, or one, as of one moment, and what of them may be found."""

    view: View
    settings: RetrievalSettings
    scope: Bounds | None
    clock: Clock

    def find(self, query: Query, vector: Vectors | None, depth: int) -> Candidates:
        """The best `depth` chunks of each side that searches. Without a vector the keyword side does alone.

        Where both do, each scores the other's candidates too.
        """
        if vector is None:
            with self.clock.step("keyword"):
                ids, scores = self._matching(query.text, depth)
            return Candidates(ids, scores, {"keyword": len(ids)}, keyword=scores)
        with self.clock.step("dense"):
            near, cosines = self._nearest(vector, depth)
        if not self.view.has_keyword:
            return Candidates(near, cosines, {"dense": len(near)}, dense=cosines)
        with self.clock.step("keyword"):
            matching, scores = self._matching(query.text, depth)
            others = np.setdiff1d(near, matching)
            ids = np.concatenate([matching, others])
            keyword = np.concatenate([scores, self.view.keyword.score(query.text, others)])
        with self.clock.step("fuse"):
            dense = self.view.dense.score(vector, ids)
            counts = {"dense": len(near), "keyword": len(matching), "fused": len(ids)}
            nearest_cosine = float(cosines.max(initial=-1.0))
            return self._ranked(query, (ids, dense, keyword), counts, nearest_cosine)

    def score(self, query: Query, vector: Vectors | None, ids: Ids) -> Candidates:
        """The same of given chunks, as far as they are in scope."""
        if self.scope is not None:
            ids = self.scope.within(ids)
        keyword = self.view.keyword.score(query.text, ids) if self.view.has_keyword else None
        if vector is None:
            assert keyword is not None  # noqa: S101 (one side searches at least)
            order = np.lexsort((ids, -keyword))
            return Candidates(ids[order], keyword[order], {}, keyword=keyword[order])
        dense = self.view.dense.score(vector, ids)
        known = ~np.isnan(dense)
        ids, dense = ids[known], dense[known]
        if keyword is None:
            order = np.lexsort((ids, -dense))
            return Candidates(ids[order], dense[order], {}, dense=dense[order])
        return self._ranked(query, (ids, dense, keyword[known]), {}, None)

    def _nearest(self, vector: Vectors, depth: int) -> tuple[Ids, Scores]:
        if self.scope is None:
            return nearest(self.view.dense, vector, depth)
        return self.scope.nearest(self.view, vector, depth)

    def _matching(self, query: str, depth: int) -> tuple[Ids, Scores]:
        if self.scope is None:
            return self.view.keyword.search(query, depth)
        return self.scope.matching(self.view, query, depth)

    def _ranked(
        self, query: Query, scored: tuple[Ids, Scores, Scores], counts: dict[str, int], best: float | None
    ) -> Candidates:
        ids, dense, keyword = scored
        fused, method = self._fuse(query, dense, keyword)
        order = np.lexsort((ids, -fused))
        return Candidates(
            ids[order],
            fused[order],
            counts,
            dense=dense[order],
            keyword=keyword[order],
            nearest=best,
            method=method,
        )

    def _fuse(self, query: Query, dense: Scores, keyword: Scores) -> tuple[Scores, dict[str, Any]]:
        settings = self.settings
        kind = kind_of(query.text)
        weight = settings.dense_weights.get(kind, settings.dense_weight)
        if query.dense_weight is not None:
            weight = query.dense_weight
        if settings.fusion == "rrf":
            return reciprocal_rank(dense, keyword, settings.rrf_k), {"fusion": "rrf", "rrf_k": settings.rrf_k}
        method = {"fusion": settings.fusion, "query_kind": kind, "dense_weight": weight}
        if settings.fusion == "weighted_rrf":
            fused = reciprocal_rank(dense, keyword, settings.rrf_k, weight)
            return fused, {**method, "rrf_k": settings.rrf_k}
        ceiling = self.view.keyword.ceiling(query.text)
        return convex(dense, keyword, ceiling, weight), {**method, "ceiling": round(ceiling, 4)}
