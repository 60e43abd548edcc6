"""Techniques that have a language model write more queries, and put together what all of them find.

The user's own query always takes part, with as much weight as all others together: a small model's
nonsense costs time, and little else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ragent.protocols import Searcher
from ragent.retrieval.context import SearchContext
from ragent.retrieval.techniques.asking import ask_lines
from ragent.retrieval.techniques.ranking import best_first, fuse
from ragent.types import Hit, Query, SearchResult

Combine = Callable[[Searcher, Sequence[Query], Sequence[SearchResult], Sequence[float]], tuple[Hit, ...]]

_POOL = 50


@dataclass(frozen=True, slots=True)
class Rewriting:
    """Searches for the query and for what the model makes of it.

    Attributes:
        context: whose language model is asked.
        prompt: name of the template.
        count: how many queries it may write.
        combine: what makes one list of all results.
    """

    context: SearchContext
    prompt: str
    count: int
    combine: Combine

    def search(self, searcher: Searcher, query: Query, k: int) -> SearchResult:
        """The `k` best chunks of all queries. Raises LLMError."""
        written = ask_lines(self.context, self.prompt, query.text, self.count)
        queries = [query, *(Query(text) for text in written)]
        depth = max(k, _POOL)
        results = [searcher.search(each, depth) for each in queries]
        weights = [float(max(1, len(written))), *(1.0 for _ in written)]
        hits = self.combine(searcher, queries, results, weights)[:k]
        return replace(results[0], hits=hits, plan={**results[0].plan, "queries": written})


def multi_query(context: SearchContext) -> Rewriting:
    """Paraphrases; a chunk's score is its mean score for all of them."""
    return Rewriting(context, "paraphrase", context.settings.paraphrases, _mean_score)


def rag_fusion(context: SearchContext) -> Rewriting:
    """Paraphrases, fused by rank (Rackauckas 2024, arXiv:2402.03367)."""
    return Rewriting(context, "paraphrase", context.settings.paraphrases, _by_rank)


def step_back(context: SearchContext) -> Rewriting:
    """The more general question behind it, too (Zheng et al. 2023, arXiv:2310.06117)."""
    return Rewriting(context, "step-back", 1, _by_rank)


def decomposition(context: SearchContext) -> Rewriting:
    """The simpler questions that it is made of, too."""
    return Rewriting(context, "decompose", context.settings.paraphrases, _by_rank)


def _by_rank(
    searcher: Searcher, queries: Sequence[Query], results: Sequence[SearchResult], weights: Sequence[float]
) -> tuple[Hit, ...]:
    return fuse(results, weights)


def _mean_score(
    searcher: Searcher, queries: Sequence[Query], results: Sequence[SearchResult], weights: Sequence[float]
) -> tuple[Hit, ...]:
    hits = {hit.chunk_id: hit for result in reversed(results) for hit in result.hits}
    means = dict.fromkeys(hits, 0.0)
    for query, result, weight in zip(queries, results, weights, strict=True):
        found = {hit.chunk_id: hit.score for hit in result.hits}
        more = searcher.score(query, sorted(hits.keys() - found.keys()))
        found |= {hit.chunk_id: hit.score for hit in more}
        for id_, score in found.items():
            means[id_] += weight * score / sum(weights)
    return best_first(replace(hit, score=means[id_]) for id_, hit in hits.items())
