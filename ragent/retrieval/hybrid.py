"""Hybrid search: nearest vectors and matching words, their scores fused."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ragent.config import RetrievalSettings
from ragent.errors import QueryError
from ragent.protocols import Embedder, Ids, Vectors
from ragent.retrieval.expanding import Reach, expand
from ragent.retrieval.fusion import Scores, convex, reciprocal_rank
from ragent.retrieval.indexes import BOTH, Indexes, Side, View
from ragent.retrieval.relevance import best_coverage, relevance
from ragent.store import Collection, Passage, Store
from ragent.types import Hit, SearchMode, SearchResult

_SIDES: dict[SearchMode, tuple[Side, ...]] = {
    "hybrid": BOTH,
    "dense": ("dense",),
    "keyword": ("keyword",),
}

_LOOKED_AT = 10
"""How many of the first hits tell whether anything found is relevant."""


@dataclass(slots=True)
class _Clock:
    """Milliseconds by step."""

    spent: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.spent[name] = round(self.spent.get(name, 0.0) + 1000 * (time.perf_counter() - began), 3)


@dataclass(frozen=True, slots=True)
class _Ranking:
    """Candidates, best first, and what the plan says of how they came about. `cosine`: of the nearest."""

    ids: Ids
    scores: Scores
    candidates: dict[str, int]
    cosine: float | None = None


class HybridRetriever:
    """Searches one collection. Safe to share between threads as far as the embedder is."""

    def __init__(
        self,
        store: Store,
        collection: Collection,
        indexes: Indexes,
        embedder: Embedder,
        settings: RetrievalSettings,
    ) -> None:
        self._store = store
        self._collection = collection
        self._indexes = indexes
        self._embedder = embedder
        self._settings = settings

    def search(self, query: str, k: int, mode: SearchMode | None = None) -> SearchResult:
        """The `k` best chunks, or fewer where there are fewer.

        Raises:
            QueryError: the query is empty, or k is less than 1.
        """
        return self.search_many([query], k, mode)[0]

    def search_many(
        self, queries: Sequence[str], k: int, mode: SearchMode | None = None
    ) -> list[SearchResult]:
        """Like `search`, for many queries, embedded together. In their plans, `embed` is a query's share."""
        for query in queries:
            _check(query, k)
        mode = mode or self._settings.mode
        clock = _Clock()
        vectors: Vectors | None = None
        if queries and "dense" in _SIDES[mode]:
            with clock.step("embed"):
                vectors = self._embedder.embed_queries(list(queries))
        share = {name: round(spent / len(queries), 3) for name, spent in clock.spent.items()}
        return [
            self._search(query, None if vectors is None else vectors[i], k, mode, _Clock(dict(share)))
            for i, query in enumerate(queries)
        ]

    def _search(
        self, query: str, vector: Vectors | None, k: int, mode: SearchMode, clock: _Clock
    ) -> SearchResult:
        with ExitStack() as held:
            with clock.step("refresh"):
                view = held.enter_context(self._indexes.view(_SIDES[mode]))
            ranking = self._rank(view, query, vector, max(k, self._settings.candidates), clock)
        with clock.step("fetch"):
            hits = self._fetch(ranking, k)
            signs = self._signs(view, query, ranking, hits)
        if self._settings.expand_tokens:
            with clock.step("expand"):
                reach = Reach(self._settings.expand_tokens, self._settings.expand_sentences or None)
                hits = expand(self._store, hits, self._embedder.tokenizer, reach)
        plan = {
            "mode": mode,
            "generation": view.generation,
            "candidates": ranking.candidates,
            **self._method(view, mode),
            **signs,
            "milliseconds": clock.spent,
        }
        return SearchResult(query, hits, plan, relevance(**signs) if signs else None)

    def _signs(self, view: View, query: str, ranking: _Ranking, hits: Sequence[Hit]) -> dict[str, float]:
        """What the relevance is judged by; nothing where one side alone searched."""
        if ranking.cosine is None or not view.has_keyword:
            return {}
        texts = [f"{hit.context}\n{hit.text}" for hit in hits[:_LOOKED_AT]]
        return {"cosine": ranking.cosine, "coverage": best_coverage(view.keyword, query, texts)}

    def _rank(self, view: View, query: str, vector: Vectors | None, depth: int, clock: _Clock) -> _Ranking:
        if vector is None:
            with clock.step("keyword"):
                ids, scores = view.keyword.search(query, depth)
            return _Ranking(ids, scores, {"keyword": len(ids)})
        with clock.step("dense"):
            ids, scores = _nearest(view, vector, depth)
        if view.has_keyword:
            fused = self._fuse(view, query, vector, ids, clock)
            return replace(fused, cosine=float(scores.max(initial=-1.0)))
        return _Ranking(ids, scores, {"dense": len(ids)})

    def _fuse(self, view: View, query: str, vector: Vectors, near: Ids, clock: _Clock) -> _Ranking:
        """Rank the candidates of both sides by both scores, each side scoring the other's candidates too."""
        with clock.step("keyword"):
            matching, scores = view.keyword.search(query, max(len(near), self._settings.candidates))
            others = np.setdiff1d(near, matching)
            ids = np.concatenate([matching, others])
            keyword = np.concatenate([scores, view.keyword.score(query, others)])
        with clock.step("fuse"):
            dense = view.dense.score(vector, ids)
            if self._settings.fusion == "rrf":
                fused = reciprocal_rank(dense, keyword, self._settings.rrf_k)
            else:
                ceiling = view.keyword.ceiling(query)
                fused = convex(dense, keyword, ceiling, self._settings.dense_weight)
            order = np.lexsort((ids, -fused))
        counts = {"dense": len(near), "keyword": len(matching), "fused": len(ids)}
        return _Ranking(ids[order], fused[order], counts)

    def _fetch(self, ranking: _Ranking, k: int) -> tuple[Hit, ...]:
        """The first k candidates that the store still knows: it may have lost some since the view."""
        hits: list[Hit] = []
        for first in range(0, len(ranking.ids), k):
            some = ranking.ids[first : first + k].tolist()
            known = self._store.passages(self._collection.id, some)
            for id_, score in zip(some, ranking.scores[first : first + k].tolist(), strict=True):
                if id_ in known and len(hits) < k:
                    hits.append(_hit(len(hits) + 1, score, known[id_]))
            if len(hits) == k:
                break
        return tuple(hits)

    def _method(self, view: View, mode: SearchMode) -> dict[str, Any]:
        method: dict[str, Any] = {}
        if mode != "keyword":
            method["kind"] = view.dense.kind
        if mode == "hybrid":
            method["fusion"] = self._settings.fusion
            if self._settings.fusion == "convex":
                method["dense_weight"] = self._settings.dense_weight
        return method


def _nearest(view: View, vector: Vectors, depth: int) -> tuple[Ids, Scores]:
    ids, scores = view.dense.search(vector[None], depth)
    found = ids[0] >= 0
    return ids[0][found], scores[0][found]


def _hit(rank: int, score: float, passage: Passage) -> Hit:
    return Hit(
        rank=rank,
        score=score,
        chunk_id=passage.chunk_id,
        document_id=passage.document_id,
        uri=passage.uri,
        title=passage.title,
        page=passage.page,
        start=passage.start,
        end=passage.end,
        text=passage.text,
        context=passage.context,
        metadata=passage.metadata,
    )


def _check(query: str, k: int) -> None:
    if k < 1:
        raise QueryError(f"k is {k}: that would find nothing", hint="k counts results, from 1")
    if not query.strip():
        raise QueryError("the query is empty", hint="say in words what to look for")
    if not query.isprintable() and any(0xD800 <= ord(c) <= 0xDFFF for c in query):
        raise QueryError("the query holds half of a surrogate pair", hint="type it anew, as UTF-8")
