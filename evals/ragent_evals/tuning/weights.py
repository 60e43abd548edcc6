"""Fits the weights of fusion to an eval set, and says what they gain on queries they were not fitted to.

Every query is searched once; then each weight of a grid fuses the same candidates anew. A kind of query (see
`ragent.retrieval.kinds`) gets a weight of its own where the set has enough of it, drawn towards the weight of
all by as many queries as `_PRIOR`, for a few dozen queries tell little. The gain is measured by
cross-validation: each fifth of the queries under weights fitted to the other four.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ragent.errors import EvalError
from ragent.index.dense import Dense
from ragent.rag import Rag
from ragent.retrieval.affinity import with_affinity
from ragent.retrieval.candidates import Candidates
from ragent.retrieval.fusion import convex, reciprocal_rank
from ragent.retrieval.kinds import kind_of
from ragent.types import QueryKind, SearchResult
from ragent_evals.estimates import Estimate, interval
from ragent_evals.sets.beir import BeirSet, uri_of

Values = NDArray[np.float64]

GRID: Values = np.round(np.arange(0, 1.0001, 0.05), 2)
_DEPTH = 100
_CUT = 10
_FOLDS = 5
_FEWEST = 30
_PRIOR = 100
_SEED = 0


@dataclass(frozen=True, slots=True)
class Weights:
    """The dense side's share, and that of the kinds of query that have one of their own."""

    dense_weight: float
    dense_weights: Mapping[QueryKind, float] = field(default_factory=dict)

    def of(self, kind: QueryKind) -> float:
        """The share for a kind of query."""
        return self.dense_weights.get(kind, self.dense_weight)


@dataclass(frozen=True, slots=True)
class Judged:
    """nDCG@10 of each query (rows) at each weight of `GRID` (columns), and each query's kind."""

    values: Values
    kinds: tuple[QueryKind, ...]

    def under(self, weights: Weights) -> Values:
        """nDCG@10 of each query under these weights, or those of the grid next to them, shape (queries,)."""
        columns = [int(np.abs(GRID - weights.of(kind)).argmin()) for kind in self.kinds]
        return self.values[np.arange(len(columns)), columns]

    def part(self, rows: NDArray[np.int64]) -> Judged:
        """Some of the queries."""
        return Judged(self.values[rows], tuple(self.kinds[row] for row in rows))


@dataclass(frozen=True, slots=True)
class Tuned:
    """The weights fitted to all queries, and estimates over queries that each fold's fit didn't see.

    Attributes:
        weights: fitted to all.
        before: nDCG@10 under the settings in force.
        after: nDCG@10, cross-validated.
        gain: their difference, query by query.
        kinds: how many queries there are of each kind.
    """

    weights: Weights
    before: Estimate
    after: Estimate
    gain: Estimate
    kinds: Mapping[QueryKind, int]


def judge(rag: Rag, beir: BeirSet) -> Judged:
    """Search for every query of the set, and score every weight. Raises EvalError for rank fusion."""
    settings = rag.settings.retrieval
    if settings.fusion == "rrf" or settings.mode != "hybrid":
        raise EvalError(
            f"{settings.fusion} fusion in {settings.mode} mode has no weights to fit",
            hint='set [retrieval] fusion = "convex" or "weighted_rrf", and mode = "hybrid"',
        )
    results = rag.search_many(
        list(beir.queries.values()), _DEPTH, mode="hybrid", rerank=(), technique=(), explain=True
    )
    ids = {uri_of(id_): id_ for id_ in beir.lines}
    rows = []
    for query, result in zip(beir.queries, results, strict=True):
        names = {hit.chunk_id: ids[hit.uri] for hit in result.hits}
        orders = [list(dict.fromkeys(names[i] for i in order)) for order in _orders(rag, result)]
        rows.append([ndcg(order, beir.qrels[query]) for order in orders])
    return Judged(np.array(rows), tuple(kind_of(text) for text in beir.queries.values()))


def _orders(rag: Rag, result: SearchResult) -> Iterator[list[int]]:
    """Ids of chunks, best first, at each weight."""
    settings = rag.settings.retrieval
    hits = sorted(result.hits, key=lambda hit: hit.chunk_id)
    ids = np.array([hit.chunk_id for hit in hits], np.int64)
    vectors = dict(zip(ids.tolist(), rag.retriever.vectors(ids.tolist()), strict=True))
    index = Dense(rag.embedder.fingerprint.dimension)
    index.add(ids, np.array(list(vectors.values()), np.float32).reshape(len(ids), index.dimension))
    whys = [hit.explanation for hit in hits if hit.explanation]
    dense = np.array([why.dense for why in whys], np.float32)
    keyword = np.array([why.keyword for why in whys], np.float32)
    for weight in GRID.tolist():
        if settings.fusion == "convex":
            scores = convex(dense, keyword, result.plan["ceiling"], weight)
        else:
            scores = reciprocal_rank(dense, keyword, settings.rrf_k, weight)
        order = np.lexsort((ids, -scores))
        found = Candidates(ids[order], scores[order], {})
        if settings.fusion == "convex":
            found = with_affinity(
                found, lambda some: np.stack([vectors[i] for i in some]), index, settings.affinity
            )
        yield found.ids.tolist()


def ndcg(order: Sequence[str], grades: Mapping[str, int]) -> float:
    """nDCG@10 as trec_eval has it: the gain is the grade itself (Järvelin and Kekäläinen 2002)."""

    def gain(found: Sequence[int]) -> float:
        return float(sum(grade / np.log2(rank + 2) for rank, grade in enumerate(found[:_CUT])))

    best = gain(sorted(grades.values(), reverse=True))
    return gain([grades.get(name, 0) for name in order[:_CUT]]) / best if best else 0.0


def tune(judged: Judged, now: Weights) -> Tuned:
    """Fit weights, and estimate their gain over those in force. Raises EvalError for too few queries."""
    count = len(judged.kinds)
    if count < _FEWEST:
        raise EvalError(f"{count} queries are too few to fit weights to", hint=f"at least {_FEWEST}")
    before = judged.under(now)
    after = np.zeros(count)
    shuffled = np.random.default_rng(_SEED).permutation(count)
    for held in np.array_split(shuffled, _FOLDS):
        others = np.setdiff1d(shuffled, held)
        after[held] = judged.part(held).under(fit(judged.part(others)))
    columns = np.stack([before, after, after - before], axis=1)
    means, low, high = columns.mean(axis=0), *interval(columns)
    before_is, after_is, gain = (
        Estimate(*(round(float(of[column]), 4) for of in (means, low, high))) for column in range(3)
    )
    kinds = {kind: judged.kinds.count(kind) for kind in sorted(set(judged.kinds))}
    return Tuned(fit(judged), before_is, after_is, gain, kinds)


def fit(judged: Judged) -> Weights:
    """The weights of the grid that are best for these queries, among their neighbours too."""
    overall = _smooth(judged.values.mean(axis=0))
    own: dict[QueryKind, float] = {}
    for kind in sorted(set(judged.kinds)):
        rows = [row for row, each in enumerate(judged.kinds) if each == kind]
        if _FEWEST <= len(rows) < len(judged.kinds):
            drawn = (judged.values[rows].sum(axis=0) + _PRIOR * judged.values.mean(axis=0)) / (
                len(rows) + _PRIOR
            )
            own[kind] = _best(_smooth(drawn))
    weight = _best(overall)
    return Weights(weight, {kind: each for kind, each in own.items() if each != weight})


def _smooth(values: Values) -> Values:
    """Each with its neighbours: one good weight between two bad ones is chance."""
    padded = np.pad(values, 1, mode="edge")
    return (padded[:-2] + padded[1:-1] + padded[2:]) / 3


def _best(values: Values) -> float:
    return float(GRID[int(values.argmax())])
