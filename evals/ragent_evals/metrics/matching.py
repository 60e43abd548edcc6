"""Precision, recall and F1 of matched pairs."""

from __future__ import annotations

import numpy as np

from ragent.corpus.matching import score_pairs
from ragent_evals.estimates import Estimate, Values
from ragent_evals.sets.pairs import LabelledPairs

_RESAMPLES = 2000
_SEED = 0
_NAMES = "precision", "recall", "f1"


def measure_matching(pairs: LabelledPairs, threshold: float = 0.5) -> dict[str, Estimate]:
    """Match the pairs without their labels, and count what was right.

    The interval is that of the percentile bootstrap (Efron 1979) over pairs: resampling them only changes
    how many are of each kind, so that the counts are drawn from a multinomial distribution.
    """
    links = score_pairs(pairs.lefts, pairs.rights, pairs.pairs, threshold)
    said, is_so = np.array([link.matched for link in links]), np.array(pairs.labels)
    counts = np.array(
        [(said & is_so).sum(), (said & ~is_so).sum(), (~said & is_so).sum(), (~said & ~is_so).sum()]
    )
    drawn = (
        np.random.default_rng(_SEED).multinomial(len(links), counts / len(links), _RESAMPLES).astype(float)
    )
    low, high = np.percentile(_rates(drawn), [2.5, 97.5], axis=0)
    value = _rates(counts[None].astype(float))[0]
    return {
        name: Estimate(*(round(float(of[column]), 4) for of in (value, low, high)))
        for column, name in enumerate(_NAMES)
    }


def _rates(counts: Values) -> Values:
    """Precision, recall and F1, shape (n, 3), of how many are right, wrong, missed and left, shape (n, 4)."""
    right, wrong, missed = counts[:, 0], counts[:, 1], counts[:, 2]
    parts = right + wrong, right + missed, right + (wrong + missed) / 2
    return np.stack([right / np.maximum(part, 1) for part in parts], axis=1)
