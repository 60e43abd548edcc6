"""Approximate search over a small-world graph (Malkov and Yashunin 2018, arXiv:1603.09320)."""

from __future__ import annotations

from typing import Any

import faiss

from ragent.config import IndexSettings
from ragent.index.engine import Mask, scan, selector
from ragent.protocols import Ids, Vectors

_STEP_COST = 100
"""What a place in the walk's queue costs, as a multiple of looking at one vector in a scan."""


class HnswEngine:
    """FAISS IndexHNSWFlat. The graph can't forget a node: searches step over those that are masked."""

    kind = "hnsw"

    def __init__(self, dimension: int, settings: IndexSettings, native: Any = None) -> None:
        self.native = native
        self._dimension = dimension
        self._settings = settings
        if native is not None:
            prepare(native, settings)

    @property
    def exact(self) -> Any:
        return faiss.downcast_index(self.native.storage)

    def begin(self, sample: Vectors, count: int) -> None:
        """Nothing is to be learnt."""
        links = self._settings.hnsw_m
        self.native = faiss.IndexHNSWFlat(self._dimension, links, faiss.METRIC_INNER_PRODUCT)
        prepare(self.native, self._settings)

    def add(self, vectors: Vectors) -> None:
        """Append."""
        self.native.add(vectors)

    def near(self, queries: Vectors, k: int, mask: Mask | None) -> tuple[Ids, Vectors]:
        """Positions and scores, the best of those that the walk passes."""
        width = walk_width(max(self._settings.hnsw_ef_search, k), self.native.ntotal, mask)
        if width is None:
            return scan(self.exact, queries, k, mask)
        scores, positions = self.native.search(queries, k, params=walk(width, mask))
        return positions, scores


def prepare(graph: Any, settings: IndexSettings) -> None:
    """Set how a FAISS graph is to be built, or to grow."""
    graph.hnsw.efConstruction = settings.hnsw_ef_construction


def walk(width: int, mask: Mask | None) -> Any:
    """FAISS's parameters of a search through a graph."""
    return faiss.SearchParametersHNSW(sel=None if mask is None else selector(mask), efSearch=width)


def walk_width(width: int, total: int, mask: Mask | None) -> int | None:
    """How wide to walk to pass `width` of those that may be found; None where looking at all costs less."""
    allowed = total if mask is None else int(mask.sum())
    if allowed * allowed <= _STEP_COST * width * total:
        return None
    return width * total // allowed
