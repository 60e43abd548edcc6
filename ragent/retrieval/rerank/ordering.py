"""From scores to hits in order: what all rerankers end with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ragent.types import Hit

_LEAST_SPREAD = 1e-6


def by_score(hits: Sequence[Hit], scores: ArrayLike) -> tuple[Hit, ...]:
    """The hits by new scores, best first; equal ones keep their order.

    Args:
        hits: n hits in their order so far.
        scores: of the first m of them, m at most n. The others stay behind these as they are, with a score
            no higher than the last of these.
    """
    new = np.asarray(scores, dtype=np.float64)
    places = np.argsort(-new, kind="stable")
    ranked = [replace(hits[place], score=float(new[place])) for place in places]
    ceiling = ranked[-1].score if ranked else np.inf
    rest = [replace(hit, score=min(hit.score, ceiling)) for hit in hits[len(new) :]]
    return tuple(replace(hit, rank=rank) for rank, hit in enumerate([*ranked, *rest], 1))


def added(hits: Sequence[Hit], scores: ArrayLike, weight: float) -> NDArray[np.float64]:
    """The scores so far and those of a reranker as one, shape (m,), on the scale of those so far.

    The reranker's scores are brought to mean 0 and to `weight` times the spread (standard deviation) of the
    scores so far, and added: one number then suits models whose scores have nothing in common.

    Args:
        hits: n hits with their scores so far.
        scores: a reranker's, of the first m of them.
        weight: 0 leaves the order as it is.
    """
    new = np.asarray(scores, dtype=np.float64)
    before = np.array([hit.score for hit in hits[: len(new)]], dtype=np.float64)
    spread = float(new.std()) if len(new) else 0.0
    if spread < _LEAST_SPREAD:
        return before
    share: NDArray[np.float64] = (new - new.mean()) / spread
    return before + weight * max(float(before.std()), _LEAST_SPREAD) * share
