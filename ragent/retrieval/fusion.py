"""Makes one score of two: what the dense and the keyword side say of the same candidates.

All functions take the scores of the same n candidates in the same order, each side's score known for every
one (a keyword score of 0: no word in common), and give n fused scores, of which higher is better.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]


def convex(dense: Scores, keyword: Scores, ceiling: float, weight: float) -> Scores:
    """`weight` times the cosine, and the rest times the share of `ceiling` that the keyword score reaches.

    After Bruch, Gai and Ingber 2023, "An Analysis of Fusion Functions for Hybrid Retrieval" (ACM TOIS 42, 1),
    who found a convex combination of normalised scores better than ranks. They divide by the best score
    found; dividing by the best that the query could reach was better on average over eight sets here, and
    makes a score mean the same for every query, whatever the other candidates are.

    Args:
        dense: cosines.
        keyword: BM25 scores.
        ceiling: the BM25 score that no candidate can pass; 0 for a query without keywords.
        weight: of the dense side, 0 to 1.
    """
    share = keyword / ceiling if ceiling > 0 else np.zeros_like(keyword)
    fused: Scores = (weight * dense + (1 - weight) * share).astype(np.float32)
    return fused


def reciprocal_rank(dense: Scores, keyword: Scores, k: int, weight: float = 0.5) -> Scores:
    """Sum of 1 / (k + rank) over both sides; a keyword score of 0 has no rank.

    With a weight, the dense side's part is multiplied by twice `weight`, and the other's by the rest of 2.

    Cormack, Clarke and Büttcher 2009, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank
    Learning Methods" (SIGIR).
    """
    by_keyword = np.where(keyword > 0, 1 / (k + ranks(keyword)), 0)
    fused: Scores = (2 * weight / (k + ranks(dense)) + 2 * (1 - weight) * by_keyword).astype(np.float32)
    return fused


def ranks(scores: Scores) -> NDArray[np.int64]:
    """1 for the highest score; equal scores share the best of their ranks."""
    ascending = np.sort(scores)
    better: NDArray[np.int64] = len(scores) - np.searchsorted(ascending, scores, side="right")
    return better + 1
