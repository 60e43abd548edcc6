"""Collapses hits to documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from ragent.types import Hit, SearchResult


def best_of_each_document(hits: Iterable[Hit]) -> list[Hit]:
    """The best hit of each document, best first, with ranks counted anew.

    A document is as good as its best chunk: a long one gains nothing by its length.
    """
    best: dict[int, Hit] = {}
    for hit in sorted(hits, key=lambda hit: hit.rank):
        best.setdefault(hit.document_id, hit)
    return [replace(hit, rank=rank) for rank, hit in enumerate(best.values(), 1)]


def deep_enough(retrieve: Callable[[int], SearchResult], k: int) -> SearchResult:
    """The best hit of each of the `k` best documents: retrieves again, deeper, until there are so many."""
    depth = k
    while True:
        found = retrieve(depth)
        best = best_of_each_document(found.hits)
        if len(best) >= k or len(found.hits) < depth:
            return replace(found, hits=tuple(best[:k]))
        depth *= 4
