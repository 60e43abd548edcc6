"""Finds what a question asks for only by way of something else, without a language model.

"Which state is the team that Dick Humbert played for in?" finds the passage about Humbert, but not the one
about his team, of which the question doesn't know the name. So the first hits say where to look next:

- documents whose title stands in them,
- a second keyword query: the question's words that the best hit doesn't hold, and its rare names that the
  question doesn't,
- personalised PageRank over the graph of names that passages share (`ragent.retrieval.techniques.graph`).

Every candidate's score is its first score and these three, each by a fixed weight.
"""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ragent.index.names import names_of, normalise
from ragent.protocols import Searcher
from ragent.retrieval.context import SearchContext
from ragent.retrieval.techniques.graph import NameGraph, Titled
from ragent.retrieval.techniques.ranking import best_first
from ragent.types import Hit, Query, SearchResult

_POOL = 50
"""How many hits of the first query take part, at least k."""

_HEADS = 3
"""How many of them say where to look next."""

_SECOND = 30
_WALKED = 30
_NEW_NAMES = 5

_LINK_WEIGHT, _SECOND_WEIGHT, _WALK_WEIGHT = 0.5, 0.3, 0.3
"""What a full link, the best of the second query and the best of the walk add, in best first scores.

From a broad plateau on HotpotQA questions, with capitals, without them, and without the titles."""


@dataclass(frozen=True, slots=True)
class _Hops:
    """What the first hits lead to.

    Attributes:
        titled: documents that they name by title, with the trust in that, 0 to 1.
        asked: the second query.
        second: what that found, by chunk id, from 0 to 1.
        walked: where walks over the graph lead to, likewise.
    """

    titled: Sequence[tuple[Titled, float]]
    asked: str
    second: Mapping[int, float]
    walked: Mapping[int, float]

    @property
    def chunk_ids(self) -> set[int]:
        return {id_ for titled, _ in self.titled for id_ in titled.chunks} | {*self.second, *self.walked}

    def gains(self, scores: Mapping[int, float]) -> dict[int, float]:
        """By chunk id, what the hops add to its score; `scores` are those of the candidates before."""
        links: dict[int, float] = defaultdict(float)
        for titled, trust in self.titled:
            # Of a long document, the one chunk that has most to do with the question.
            there = [id_ for id_ in titled.chunks if id_ in scores]
            if there:
                target = max(there, key=lambda id_: scores[id_])
                links[target] = max(links[target], trust * titled.rarity)
        return {
            id_: _LINK_WEIGHT * links.get(id_, 0)
            + _SECOND_WEIGHT * self.second.get(id_, 0)
            + _WALK_WEIGHT * self.walked.get(id_, 0)
            for id_ in scores
        }


class Multihop:
    """`--technique multihop`. The graph is read when first needed, and anew after a change."""

    def __init__(self, context: SearchContext) -> None:
        self._store = context.store
        self._collection = context.collection
        self._dimension = context.embedder.fingerprint.dimension
        self._lock = threading.Lock()
        self._graph: NameGraph | None = None

    def search(self, searcher: Searcher, query: Query, k: int) -> SearchResult:
        """The `k` best chunks by both hops."""
        first = searcher.search(query, max(k, _POOL))
        best = max((hit.score for hit in first.hits), default=0.0)
        if not best > 0:
            return replace(first, hits=first.hits[:k])
        hops = self._hops(searcher, query, [(hit, hit.score / best) for hit in first.hits[:_HEADS]])
        known = {hit.chunk_id for hit in first.hits}
        hits = [*first.hits, *searcher.score(query, sorted(hops.chunk_ids - known))]
        gains = hops.gains({hit.chunk_id: hit.score for hit in hits})
        plan = {
            **first.plan,
            "second_query": hops.asked,
            "linked": [titled.title for titled, _ in hops.titled],
        }
        scored = [replace(hit, score=hit.score / best + gains[hit.chunk_id]) for hit in hits]
        return replace(first, hits=best_first(scored)[:k], plan=plan)

    def _hops(self, searcher: Searcher, query: Query, heads: Sequence[tuple[Hit, float]]) -> _Hops:
        graph = self._current()
        asked = _second_query(searcher, graph, query.text, heads[0][0])
        ids, reach = graph.rank({head.chunk_id: max(0.0, trust) for head, trust in heads})
        return _Hops(
            titled=list(_titled(searcher, graph, heads)),
            asked=asked,
            second=self._by_words(searcher, asked),
            walked=dict(zip(ids[:_WALKED].tolist(), reach[:_WALKED].tolist(), strict=True)),
        )

    def _by_words(self, searcher: Searcher, asked: str) -> dict[int, float]:
        """What a keyword query finds, from 0 to 1."""
        if not asked.strip():
            return {}
        # Names say nothing to the dense side: with this vector it takes part in name only.
        nothing = np.zeros(self._dimension, np.float32)
        found = searcher.search(Query(asked, vector=nothing, dense_weight=0.0), _SECOND).hits
        words = {hit.chunk_id: hit.explanation.keyword for hit in found if hit.explanation}
        best = max((score or 0.0 for score in words.values()), default=0.0)
        return {id_: score / best for id_, score in words.items() if score} if best > 0 else {}

    def _current(self) -> NameGraph:
        with self._lock:
            newest = self._store.generation(self._collection.id)
            if self._graph is None or self._graph.generation != newest:
                self._graph = NameGraph(self._store, self._collection)
            return self._graph


def _titled(
    searcher: Searcher, graph: NameGraph, heads: Sequence[tuple[Hit, float]]
) -> Iterator[tuple[Titled, float]]:
    rarest = math.log(len(graph) + 1)
    for head, trust in heads:
        for titled in graph.titles_in(_whole(head)):
            if head.chunk_id not in titled.chunks:
                # A title of common words, "Notes" say, stands in many texts without being meant.
                words = searcher.rarities(titled.title).values()
                yield titled, trust * min(1.0, max(words, default=0.0) / rarest)


def _second_query(searcher: Searcher, graph: NameGraph, question: str, head: Hit) -> str:
    """The question's words (as stems) that a hit lacks, and the hit's rare names that the question lacks."""
    held = searcher.rarities(_whole(head)).keys()
    open_words = [word for word in searcher.rarities(question) if word not in held]
    asked = set(normalise(question).split())
    new = [name for name in names_of(_whole(head)) if not asked.issuperset(name.split())]
    # A name that is found nowhere else leads nowhere.
    shared = sorted((graph.mentions(name), name) for name in new if graph.mentions(name) > 1)
    return " ".join([*open_words, *(name for _, name in shared[:_NEW_NAMES])])


def _whole(hit: Hit) -> str:
    return f"{hit.context}\n{hit.text}"
