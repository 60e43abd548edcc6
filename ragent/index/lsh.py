"""Random hyperplanes: a vector becomes the bits that say on which sides it lies (Charikar 2002)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import faiss

from ragent.config import IndexSettings
from ragent.index.engine import Mask
from ragent.index.rescored import Asking, overfetch


@dataclass(frozen=True, slots=True)
class Hyperplanes:
    """FAISS IndexLSH. It can't be searched with a selector."""

    settings: IndexSettings
    kind: str = "lsh"

    def make(self, dimension: int, count: int) -> Any:
        """An empty index; its planes are the same every time."""
        rotated = self.settings.lsh_rotation
        bits = self.settings.lsh_bits if rotated else min(self.settings.lsh_bits, dimension)
        index = faiss.IndexLSH(dimension, bits, rotated, False)
        # It compares bits all the same. IndexRefine orders by what it finds here.
        index.metric_type = faiss.METRIC_INNER_PRODUCT
        return index

    def ask(self, base: Any, k: int, mask: Mask | None) -> Asking | None:
        """Ask for more than are wanted, and drop those that may not be found."""
        return overfetch(max(self.settings.lsh_candidates, 4 * k), base.ntotal, mask)
