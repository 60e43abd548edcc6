"""Collapses hits to documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from ragent.retrieval.candidates import Candidates
from ragent.types import Hit, SearchResult


def best_of_each_document(hits: Iterable[Hit]) -> list[Hit]:
    """The best hit of each document, best first, with ranks counted anew.

    A document is as good as its best chunk: a long one gains nothing by its length.
    """
    best: dict[int, Hit] = {}
    for hit in sorted(hits, key=lambda hit: hit.rank):
        best.setdefault(hit.document_id, hit)
    return [replace(hit, rank=rank) for rank, hit in enumerate(best.values(), 1)]


def one_of_each_document(
    find: Callable[[int], Candidates],
    documents: Callable[[Sequence[int]], Mapping[int, int]],
    k: int,
    depth: int,
) -> Candidates:
    """The best candidate of each document, for `k` documents at least where there are so many.

    Args:
        find: finds so many candidates.
        documents: the document of each of some chunks, by their ids; what is gone is left out.
        k: how many documents are wanted.
        depth: how many candidates to begin with.
    """
    while True:
        found = find(depth)
        ids = found.ids.tolist()
        document_of = documents(ids)
        first: dict[int, int] = {}
        for place, id_ in enumerate(ids):
            if id_ in document_of:
                first.setdefault(document_of[id_], place)
        if len(first) >= k or len(ids) < depth:
            return found.take(list(first.values()))
        depth *= 4


def deep_enough(retrieve: Callable[[int], SearchResult], k: int) -> SearchResult:
    """The best hit of each of the `k` best documents: retrieves again, deeper, until there are so many."""
    depth = k
    while True:
        found = retrieve(depth)
        best = best_of_each_document(found.hits)
        if len(best) >= k or len(found.hits) < depth:
            return replace(found, hits=tuple(best[:k]))
        depth *= 4
