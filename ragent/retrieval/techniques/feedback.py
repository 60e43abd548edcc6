"""Pseudo-relevance feedback: takes the first hits for relevant, and searches again with what they share.

Words by Robertson's offer weight (Robertson and Spärck Jones 1997, "Simple, proven approaches to text
retrieval"): in how many of the hits a word stands, times its rarity. Meaning by Rocchio (1971): the query's
vector moves towards the mean of the hits'.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ragent.protocols import Searcher, Vectors
from ragent.retrieval.context import SearchContext
from ragent.types import Hit, Query, SearchResult

_HITS = 5
_WORDS = 8
_OWN_WORDS = 3
"""How often the query's own words count, against once for a new one."""

_TOWARDS = 0.3


@dataclass(frozen=True, slots=True)
class Feedback:
    """`--technique prf`."""

    context: SearchContext

    def search(self, searcher: Searcher, query: Query, k: int) -> SearchResult:
        """The `k` best chunks of the second search."""
        first = searcher.search(query, _HITS)
        if not first.hits:
            return first
        words = _shared_words(searcher, query.text, first.hits)
        vector = searcher.vector(query)
        again = replace(
            query,
            text=" ".join([query.text] * _OWN_WORDS + words),
            vector=None if vector is None else self._moved(searcher, vector, first.hits),
        )
        found = searcher.search(again, k)
        # Whether anything bears on the query is judged by the query alone.
        return replace(found, relevance=first.relevance, plan={**found.plan, "words": words})

    def _moved(self, searcher: Searcher, vector: Vectors, hits: Sequence[Hit]) -> Vectors:
        vectors = searcher.vectors([hit.chunk_id for hit in hits])
        there = vectors[~np.isnan(vectors).any(axis=1)]
        if not len(there):
            return vector
        moved: Vectors = vector + _TOWARDS * np.mean(there, axis=0, dtype=np.float32)
        if self.context.embedder.fingerprint.normalized:
            moved /= np.linalg.norm(moved)
        return moved


def _shared_words(searcher: Searcher, query: str, hits: Sequence[Hit]) -> list[str]:
    """Words, as stems, that at least two of the hits share and the query doesn't hold, the best first."""
    own = searcher.rarities(query).keys()
    rarity: dict[str, float] = {}
    count: dict[str, int] = defaultdict(int)
    for hit in hits:
        for word, rare in searcher.rarities(f"{hit.context}\n{hit.text}").items():
            rarity[word] = rare
            count[word] += 1
    shared = [word for word in rarity if count[word] > 1 and word not in own]
    return sorted(shared, key=lambda word: (-count[word] * rarity[word], word))[:_WORDS]
