"""Collapses hits to documents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ragent.types import Hit


def best_of_each_document(hits: Iterable[Hit]) -> list[Hit]:
    """The best hit of each document, best first, with ranks counted anew.

    A document is as good as its best chunk: a long one gains nothing by its length.
    """
    best: dict[int, Hit] = {}
    for hit in sorted(hits, key=lambda hit: hit.rank):
        best.setdefault(hit.document_id, hit)
    return [replace(hit, rank=rank) for rank, hit in enumerate(best.values(), 1)]
