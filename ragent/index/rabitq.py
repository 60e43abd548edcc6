"""RaBitQ: one bit a dimension, with an estimate of each score (Gao and Long 2024, arXiv:2405.12497)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import faiss

from ragent.config import IndexSettings
from ragent.index.engine import Mask
from ragent.index.rescored import Asking, overfetch


@dataclass(frozen=True, slots=True)
class Bits:
    """FAISS IndexRaBitQFastScan. It can't be searched with a selector."""

    settings: IndexSettings
    kind: str = "rabitq"

    def make(self, dimension: int, count: int) -> Any:
        """An index that is to learn the mean of the vectors."""
        return faiss.IndexRaBitQFastScan(dimension, faiss.METRIC_INNER_PRODUCT)

    def ask(self, base: Any, k: int, mask: Mask | None) -> Asking | None:
        """Ask for more than are wanted, and drop those that may not be found."""
        return overfetch(max(self.settings.rabitq_candidates, 4 * k), base.ntotal, mask)
