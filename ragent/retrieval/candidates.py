"""Finds the candidates of one query on both sides, and ranks them by one score."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ragent.config import RetrievalSettings
from ragent.protocols import Ids, Vectors
from ragent.retrieval.clock import Clock
from ragent.retrieval.fusion import Scores, convex, reciprocal_rank
from ragent.retrieval.indexes import View
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
        complete: whether these are all that there are.
        method: how they were fused, for the plan.
    """

    ids: Ids
    scores: Scores
    counts: dict[str, int]
    dense: Scores | None = None
    keyword: Scores | None = None
    nearest: float | None = None
    complete: bool = False
    method: dict[str, float | str] = field(default_factory=dict)


def find_candidates(
    view: View, query: Query, vector: Vectors | None, depth: int, settings: RetrievalSettings, clock: Clock
) -> Candidates:
    """At least `depth` candidates, where there are so many. Without a vector the keyword side searches alone.

    Where both sides search, each scores the other's candidates too.
    """
    if vector is None:
        with clock.step("keyword"):
            ids, scores = view.keyword.search(query.text, depth)
        return Candidates(ids, scores, {"keyword": len(ids)}, keyword=scores, complete=len(ids) < depth)
    with clock.step("dense"):
        near, cosines = _nearest(view, vector, depth)
    if not view.has_keyword:
        return Candidates(near, cosines, {"dense": len(near)}, dense=cosines, complete=len(near) < depth)
    with clock.step("keyword"):
        matching, scores = view.keyword.search(query.text, depth)
        others = np.setdiff1d(near, matching)
        ids = np.concatenate([matching, others])
        keyword = np.concatenate([scores, view.keyword.score(query.text, others)])
    with clock.step("fuse"):
        dense = view.dense.score(vector, ids)
        fused, method = _fuse(view, query, dense, keyword, settings)
        order = np.lexsort((ids, -fused))
    return Candidates(
        ids[order],
        fused[order],
        {"dense": len(near), "keyword": len(matching), "fused": len(ids)},
        dense=dense[order],
        keyword=keyword[order],
        nearest=float(cosines.max(initial=-1.0)),
        complete=len(near) < depth,
        method=method,
    )


def score_candidates(
    view: View, query: Query, vector: Vectors | None, ids: Ids, settings: RetrievalSettings
) -> Candidates:
    """The same of given chunks, as far as the indexes know them. Without a vector, by keywords alone."""
    keyword = view.keyword.score(query.text, ids) if view.has_keyword else None
    dense = None
    if vector is not None:
        dense = view.dense.score(vector, ids)
        known = ~np.isnan(dense)
        ids, dense = ids[known], dense[known]
        keyword = None if keyword is None else keyword[known]
    if dense is not None and keyword is not None:
        scores, _ = _fuse(view, query, dense, keyword, settings)
    else:
        scores = dense if dense is not None else keyword if keyword is not None else np.empty(0, np.float32)
    order = np.lexsort((ids, -scores))
    return Candidates(
        ids[order],
        scores[order],
        {},
        dense=None if dense is None else dense[order],
        keyword=None if keyword is None else keyword[order],
        complete=True,
    )


def _nearest(view: View, vector: Vectors, depth: int) -> tuple[Ids, Scores]:
    ids, scores = view.dense.search(vector[None], depth)
    found = ids[0] >= 0
    return ids[0][found], scores[0][found]


def _fuse(
    view: View, query: Query, dense: Scores, keyword: Scores, settings: RetrievalSettings
) -> tuple[Scores, dict[str, float | str]]:
    if settings.fusion == "rrf":
        return reciprocal_rank(dense, keyword, settings.rrf_k), {"fusion": "rrf"}
    weight = settings.dense_weight if query.dense_weight is None else query.dense_weight
    fused = convex(dense, keyword, view.keyword.ceiling(query.text), weight)
    return fused, {"fusion": "convex", "dense_weight": weight}
