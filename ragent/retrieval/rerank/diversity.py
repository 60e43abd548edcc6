"""Orders that avoid saying the same thing twice, over the vectors of the hits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ragent.protocols import Vectors
from ragent.retrieval.context import SearchContext
from ragent.retrieval.rerank.ordering import by_score
from ragent.types import Hit

VectorsOf = Callable[[Sequence[int]], Vectors]
Matrix = NDArray[np.float64]


class MMR:
    """Each next hit is the one with the best balance of its score and its unlikeness to those before it.

    Carbonell and Goldstein 1998, maximal marginal relevance (SIGIR). Scores are brought to 0..1 first.
    """

    def __init__(self, vectors: VectorsOf, *, diversity: float) -> None:
        """`vectors` gives unit vectors by chunk id; `diversity`, 0 to 1, is 1 - λ: 0 ranks by score alone."""
        self._vectors = vectors
        self._diversity = diversity

    def rerank(self, query: str, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        """All of `hits`; a hit's new score is its balance when its turn came."""
        del query
        alike, relevance = _likeness(self._vectors, hits), _relevance(hits)
        nearest = np.zeros(len(hits))
        values = np.zeros(len(hits))
        left = np.ones(len(hits), dtype=bool)
        for _ in hits:
            balance = (1 - self._diversity) * relevance - self._diversity * nearest
            best = int(np.argmax(np.where(left, balance, -np.inf)))
            values[best], left[best] = balance[best], False
            nearest = np.maximum(nearest, alike[best])
        return by_score(hits, values)


class DPP:
    """Each next hit is the one that adds most to the volume that the hits so far span.

    Chen, Zhang and Zhou 2018, "Fast Greedy MAP Inference for Determinantal Point Process to Improve
    Recommendation Diversity" (NeurIPS, algorithm 1). Unlike MMR it sees when a hit is a mixture of several
    before it. Quality is exp(w * score), with scores brought to 0..1 and w = (1 - diversity) / diversity; all
    logarithms are multiplied by the diversity, so that it may be 0.
    """

    def __init__(self, vectors: VectorsOf, *, diversity: float) -> None:
        """`vectors` gives unit vectors by chunk id; `diversity`: 0 is by score alone, 1 by volume."""
        self._vectors = vectors
        self._diversity = diversity

    def rerank(self, query: str, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        """All of `hits`; a hit's new score is that logarithm of what it added to the volume."""
        del query
        alike = _likeness(self._vectors, hits)
        quality = (1 - self._diversity) * _relevance(hits)
        # Volume apart from quality, which only adds to its logarithm: no product can then underflow.
        volume = np.ones(len(hits))
        basis = np.zeros((len(hits), len(hits)))
        values = np.zeros(len(hits))
        left = np.ones(len(hits), dtype=bool)
        for step in range(len(hits)):
            gain = 2 * quality + self._diversity * np.log(np.maximum(volume, _NO_VOLUME))
            best = int(np.argmax(np.where(left, gain, -np.inf)))
            values[best], left[best] = gain[best], False
            if volume[best] > _NO_VOLUME:
                row = (alike[best] - basis[:, :step] @ basis[best, :step]) / np.sqrt(volume[best])
                basis[:, step] = row
                volume = volume - row**2
        return by_score(hits, values)


_NO_VOLUME = 1e-9
"""What rounding leaves of a vector that lies within the span of others."""


def _likeness(vectors: VectorsOf, hits: Sequence[Hit]) -> Matrix:
    """Cosines of all pairs; a hit whose chunk is gone is like itself only. Negative ones count as 0."""
    found = np.nan_to_num(np.asarray(vectors([hit.chunk_id for hit in hits]), dtype=np.float64))
    alike: Matrix = np.maximum(found @ found.T, 0.0)
    np.fill_diagonal(alike, 1.0)
    return alike


def _relevance(hits: Sequence[Hit]) -> Matrix:
    """Scores brought to 0..1; all 1 where they are equal."""
    scores = np.array([hit.score for hit in hits], dtype=np.float64)
    if not len(scores) or scores.min() == scores.max():
        return np.ones(len(hits))
    relevance: Matrix = (scores - scores.min()) / (scores.max() - scores.min())
    return relevance


def open_mmr(context: SearchContext) -> MMR:
    """As `[rerank] diversity` says, over the collection's vectors."""
    return MMR(context.vectors, diversity=context.rerank.diversity)


def open_dpp(context: SearchContext) -> DPP:
    """As `[rerank] diversity` says, over the collection's vectors."""
    return DPP(context.vectors, diversity=context.rerank.diversity)
