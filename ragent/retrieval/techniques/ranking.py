"""Puts hits in order, and several results together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ragent.types import Hit, SearchResult

_RRF_K = 60


def best_first(hits: Iterable[Hit]) -> tuple[Hit, ...]:
    """By score, ranks counted anew; equal ones by chunk id."""
    order = sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id))
    return tuple(replace(hit, rank=rank) for rank, hit in enumerate(order, 1))


def fuse(results: Sequence[SearchResult], weights: Sequence[float]) -> tuple[Hit, ...]:
    """Weighted reciprocal rank fusion (Cormack, Clarke and Büttcher 2009): sum of weight / (60 + rank)."""
    scores: dict[int, float] = {}
    hits: dict[int, Hit] = {}
    for result, weight in zip(results, weights, strict=True):
        for hit in result.hits:
            scores[hit.chunk_id] = scores.get(hit.chunk_id, 0.0) + weight / (_RRF_K + hit.rank)
            hits.setdefault(hit.chunk_id, hit)
    return best_first(replace(hit, score=scores[id_]) for id_, hit in hits.items())
