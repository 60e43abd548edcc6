"""Exact search: every vector is looked at."""

from __future__ import annotations

from typing import Any

import faiss

from ragent.index.engine import Mask, scan
from ragent.protocols import Ids, Vectors


def half_floats(dimension: int) -> Any:
    """An empty FAISS index of float16 vectors: the store keeps no more of them either."""
    return faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)


class FlatEngine:
    """FAISS IndexScalarQuantizer over float16: a scan of half the bytes takes half the time."""

    kind = "flat"

    def __init__(self, dimension: int, native: Any = None) -> None:
        self.native = native or half_floats(dimension)

    @property
    def exact(self) -> Any:
        return self.native

    def begin(self, sample: Vectors, count: int) -> None:
        """Nothing is to be learnt."""

    def add(self, vectors: Vectors) -> None:
        """Append."""
        self.native.add(vectors)

    def near(self, queries: Vectors, k: int, mask: Mask | None) -> tuple[Ids, Vectors]:
        """Positions and scores of the best."""
        return scan(self.native, queries, k, mask)
