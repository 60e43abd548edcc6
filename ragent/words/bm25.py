"""BM25 (Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework", FnTIR 3, 4)."""

from __future__ import annotations

import math
from typing import Any

K1, B = 1.2, 0.75
"""tantivy's own."""


def rarity(count: int, frequency: int) -> float:
    """Inverse document frequency of a word that stands in `frequency` of `count` chunks."""
    return math.log1p((count - frequency + 0.5) / (frequency + 0.5))


def saturated(counts: Any, lengths: Any, mean_length: float) -> Any:
    """What standing so often in chunks of such lengths is worth, below K1 + 1; arrays of shape (n,)."""
    return counts * (K1 + 1) / (counts + K1 * (1 - B + B * lengths / mean_length))
