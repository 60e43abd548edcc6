"""Makes one score of two: what the dense and the keyword side say of the same candidates.

All functions take the scores of the same n candidates in the same order, each side's score known for every
one (a keyword score of 0: no word in common), and give n fused scores, of which higher is better.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]


def convex(dense: Scores, keyword: Scores, weight: float) -> Scores:
    """The weighted mean of both sides' z-scores; `weight` is the dense side's.

    After Bruch, Gai and Ingber 2023, "An Analysis of Fusion Functions for Hybrid Retrieval" (ACM TOIS 42, 1),
    who found a convex combination of normalised scores better than ranks, and little in the choice of the
    normalisation.
    """
    fused: Scores = weight * standardize(dense) + (1 - weight) * standardize(keyword)
    return fused


def reciprocal_rank(dense: Scores, keyword: Scores, k: int) -> Scores:
    """Sum of 1 / (k + rank) over both sides; a keyword score of 0 has no rank.

    Cormack, Clarke and Büttcher 2009, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank
    Learning Methods" (SIGIR).
    """
    by_keyword = np.where(keyword > 0, 1 / (k + ranks(keyword)), 0)
    fused: Scores = (1 / (k + ranks(dense)) + by_keyword).astype(np.float32)
    return fused


def standardize(scores: Scores) -> Scores:
    """Mean 0 and standard deviation 1; all 0 when the scores are equal."""
    if not len(scores):
        return scores
    exact = scores.astype(np.float64)
    spread = exact.std()
    # Equal scores may differ by rounding, which must not be blown up.
    if spread <= 1e-6 * max(1.0, float(np.abs(exact).max())):
        return np.zeros_like(scores)
    standard: Scores = ((exact - exact.mean()) / spread).astype(np.float32)
    return standard


def ranks(scores: Scores) -> NDArray[np.int64]:
    """1 for the highest score; equal scores share the best of their ranks."""
    ascending = np.sort(scores)
    better: NDArray[np.int64] = len(scores) - np.searchsorted(ascending, scores, side="right")
    return better + 1
