"""A dense index: what was built, and a tail of newer vectors, which are looked at one by one.

What was built never changes, so that it can stay mapped from its file while any number of searches run. New
vectors go to the tail; `building` moves them into what is built.
"""

from __future__ import annotations

import faiss
import numpy as np

from ragent.index.engine import LOWEST, Engine, Mask, gather, scan
from ragent.index.flat import FlatEngine
from ragent.index.labels import Labels
from ragent.protocols import Ids, Vectors


class Dense:
    """A `DenseIndex`. The ids of `labels` are those of the engine's positions."""

    def __init__(self, dimension: int, engine: Engine | None = None, labels: Labels | None = None) -> None:
        self.dimension = dimension
        self.engine = engine
        self.labels = labels or Labels()
        self._built = len(self.labels.ids)
        self._tail = FlatEngine(dimension)

    @property
    def kind(self) -> str:
        return self.engine.kind if self.engine else self._tail.kind

    @property
    def ids(self) -> Ids:
        return self.labels.ids

    @property
    def dead(self) -> Ids:
        return self.labels.dead

    @property
    def built_count(self) -> int:
        """How many positions are the engine's; the others are the tail's."""
        return self._built

    @property
    def tail_count(self) -> int:
        return int(self._tail.native.ntotal)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Append to the tail. Raises ValueError unless the ids ascend, from one call to the next too."""
        self.labels.append(ids)
        self._tail.add(vectors)

    def remove(self, ids: Ids) -> None:
        """Never return these again. Unknown ids are passed over."""
        self.labels.remove(ids)

    def search(self, queries: Vectors, k: int, among: Ids | None = None) -> tuple[Ids, Vectors]:
        """Ids and scores, each of shape (n, k), best first; id -1 where there are fewer than k.

        `among`: only these ids, ascending; None: all that are alive. Dead and unknown ones are passed over.
        """
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        mask = self.labels.mask(among)
        parts = []
        if self.engine:
            parts.append(_near(self.engine, queries, k, None if mask is None else mask[: self._built]))
        if self.tail_count or not parts:
            positions, scores = _near(self._tail, queries, k, None if mask is None else mask[self._built :])
            parts.append((np.where(positions >= 0, positions + self._built, -1), scores))
        positions, scores = parts[0] if len(parts) == 1 else _merge(parts, k)
        return self.labels.name(positions), scores

    def score(self, query: Vectors, ids: Ids) -> Vectors:
        """Scores, shape (n,), of the given ids for one query, shape (dimension,); NaN for unknown ids."""
        positions = self.labels.positions(ids)
        known = positions >= 0
        scores = np.full(len(ids), np.nan, dtype=np.float32)
        if known.any():
            scores[known] = self.take(positions[known]) @ query
        return scores

    def take(self, positions: Ids) -> Vectors:
        """The vectors at some positions, shape (n, dimension)."""
        vectors = np.empty((len(positions), self.dimension), dtype=np.float32)
        of_tail = positions >= self._built
        if self.engine and not of_tail.all():
            vectors[~of_tail] = gather(self.engine.exact, positions[~of_tail])
        if of_tail.any():
            vectors[of_tail] = gather(self._tail.exact, positions[of_tail] - self._built)
        return vectors

    def frozen(self) -> Dense:
        """As it is now, whatever is added to this one or removed from it later."""
        copy = Dense(self.dimension, self.engine, Labels(self.ids[: self._built]))
        copy.labels.append(self.ids[self._built :])
        copy.labels.remove(self.dead)
        copy._tail = FlatEngine(self.dimension, faiss.clone_index(self._tail.native))
        return copy


def _near(engine: Engine, queries: Vectors, k: int, mask: Mask | None) -> tuple[Ids, Vectors]:
    if mask is not None and mask.all():
        mask = None
    positions, scores = engine.near(queries, k, mask)
    there = engine.exact.ntotal if mask is None else int(mask.sum())
    # An approximate search may find fewer than there are, when k is near their number or many are masked.
    short = np.count_nonzero(positions >= 0, axis=1) < min(k, there)
    if short.any():
        positions, scores = _widened(positions, scores, k)
        positions[short], scores[short] = scan(engine.exact, queries[short], k, mask)
    return positions, scores


def _widened(positions: Ids, scores: Vectors, k: int) -> tuple[Ids, Vectors]:
    """To k columns, where an engine has fewer positions than that."""
    missing = k - positions.shape[1]
    if missing <= 0:
        return positions, scores
    return (
        np.pad(positions, ((0, 0), (0, missing)), constant_values=-1),
        np.pad(scores, ((0, 0), (0, missing)), constant_values=LOWEST),
    )


def _merge(parts: list[tuple[Ids, Vectors]], k: int) -> tuple[Ids, Vectors]:
    wide = [_widened(positions, scores, k) for positions, scores in parts]
    positions, scores = (np.concatenate(columns, axis=1) for columns in zip(*wide, strict=True))
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(positions, order, axis=1), np.take_along_axis(scores, order, axis=1)
