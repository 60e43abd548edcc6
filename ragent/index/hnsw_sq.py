"""A small-world graph over vectors of one byte a number: a third of the memory of one over floats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import faiss

from ragent.config import IndexSettings
from ragent.index.engine import Mask
from ragent.index.hnsw import prepare, walk, walk_width
from ragent.index.rescored import Asking


@dataclass(frozen=True, slots=True)
class ByteGraph:
    """FAISS IndexHNSWSQ, QT_8bit."""

    settings: IndexSettings
    kind: str = "hnsw_sq"

    def make(self, dimension: int, count: int) -> Any:
        """An empty graph."""
        eight_bits = faiss.ScalarQuantizer.QT_8bit
        links = self.settings.hnsw_m
        graph = faiss.IndexHNSWSQ(dimension, eight_bits, links, faiss.METRIC_INNER_PRODUCT)
        prepare(graph, self.settings)
        return graph

    def ask(self, base: Any, k: int, mask: Mask | None) -> Asking | None:
        """The whole queue of the walk becomes candidates: they are there anyway."""
        width = walk_width(max(self.settings.hnsw_ef_search, k), base.ntotal, mask)
        return None if width is None else Asking(max(self.settings.hnsw_ef_search, k), walk(width, mask))
