"""Search over short codes, then exact scores for the best of them.

The codes stay in memory. The vectors themselves, as float16, lie beside them in the file, of which a search
touches only the pages of its candidates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import faiss
import numpy as np

from ragent.index.engine import LOWEST, Mask, scan
from ragent.index.flat import half_floats
from ragent.protocols import Ids, Vectors

_CODE_COST = 0.3
"""Looking at one code, as a multiple of looking at one vector."""
_MOST_CANDIDATES = 8192


@dataclass(frozen=True, slots=True)
class Asking:
    """How many candidates to ask a FAISS index for, and with which of its parameters."""

    depth: int
    parameters: Any = None


class Codes(Protocol):
    """A family of codes: how its FAISS index is made and asked."""

    @property
    def kind(self) -> str: ...

    def make(self, dimension: int, count: int) -> Any:
        """An untrained FAISS index for about `count` vectors."""

    def ask(self, base: Any, k: int, mask: Mask | None) -> Asking | None:
        """How to get enough candidates for the best `k`; None where looking at all vectors costs less."""


class RescoredEngine:
    """FAISS IndexRefine: codes, and float16 vectors beside them."""

    def __init__(self, dimension: int, codes: Codes, native: Any = None) -> None:
        self.kind = codes.kind
        self.native = native
        self._codes = codes
        self._dimension = dimension

    @property
    def exact(self) -> Any:
        return faiss.downcast_index(self.native.refine_index)

    def begin(self, sample: Vectors, count: int) -> None:
        """Let the codes learn from the sample."""
        base = self._codes.make(self._dimension, count)
        base.train(sample)
        self.native = faiss.IndexRefine(base, half_floats(self._dimension))

    def add(self, vectors: Vectors) -> None:
        """Append."""
        self.native.add(vectors)

    def near(self, queries: Vectors, k: int, mask: Mask | None) -> tuple[Ids, Vectors]:
        """Positions and exact scores, the best of the candidates."""
        asking = self._codes.ask(faiss.downcast_index(self.native.base_index), k, mask)
        if asking is None:
            return scan(self.exact, queries, k, mask)
        parameters = faiss.IndexRefineSearchParameters(k_factor=1, base_index_params=asking.parameters)
        scores, positions = self.native.search(queries, asking.depth, params=parameters)
        return _first(positions, scores, k, mask)


def overfetch(candidates: int, total: int, mask: Mask | None) -> Asking | None:
    """For codes that can't be searched with a mask: ask for more, of which enough will be left."""
    allowed = total if mask is None else int(mask.sum())
    if allowed <= _CODE_COST * total:
        return None
    depth = min(total, -(-candidates * total // allowed))
    return Asking(depth) if depth <= _MOST_CANDIDATES else None


def _first(positions: Ids, scores: Vectors, k: int, mask: Mask | None) -> tuple[Ids, Vectors]:
    """The first k of each row that may be found."""
    if mask is not None:
        barred = (positions < 0) | ~mask[positions]
        positions = np.where(barred, -1, positions)
        scores = np.where(barred, LOWEST, scores)
        order = np.argsort(barred, axis=1, kind="stable")
        positions = np.take_along_axis(positions, order, axis=1)
        scores = np.take_along_axis(scores, order, axis=1)
    return positions[:, :k], scores[:, :k]
