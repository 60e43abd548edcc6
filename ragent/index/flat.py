"""Exact search: every vector is looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss
import numpy as np

from ragent.index.labels import Labels
from ragent.protocols import Ids, Vectors


class FlatIndex:
    """FAISS IndexFlatIP. `native` and `labels` are given when an index is read from its file."""

    kind = "flat"

    def __init__(self, dimension: int, *, native: Any = None, labels: Labels | None = None) -> None:
        self._native = native or faiss.IndexFlatIP(dimension)
        self._labels = labels or Labels()

    @property
    def ids(self) -> Ids:
        return self._labels.ids

    @property
    def dead(self) -> Ids:
        return self._labels.dead

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Append. Raises ValueError unless the ids ascend, from one call to the next too."""
        self._labels.append(ids)
        self._native.add(vectors)

    def remove(self, ids: Ids) -> None:
        """Never return these again. Unknown ids are passed over."""
        self._labels.remove(ids)

    def search(self, queries: Vectors, k: int, among: Ids | None = None) -> tuple[Ids, Vectors]:
        """Ids and scores, each of shape (n, k), best first; id -1 where there are fewer than k.

        `among`: only these ids, ascending; None: all that are alive. Dead and unknown ones are passed over.
        """
        return scan(self._native, self._labels, queries, k, among)

    def score(self, query: Vectors, ids: Ids) -> Vectors:
        """Scores, shape (n,), of the given ids for one query, shape (dimension,); NaN for unknown ids."""
        return cosines(self._native, self._labels, query, ids)

    def dump(self, path: Path) -> None:
        """Write the vectors, but not the ids, to `path`."""
        faiss.write_index(self._native, str(path))


def scan(vectors: Any, labels: Labels, queries: Vectors, k: int, among: Ids | None) -> tuple[Ids, Vectors]:
    """Exact search over a FAISS flat index, without the dead."""
    selector = labels.selector(among)
    scores, positions = vectors.search(queries, k, params=faiss.SearchParameters(sel=selector))
    return labels.name(positions), scores


def cosines(vectors: Any, labels: Labels, query: Vectors, ids: Ids) -> Vectors:
    """Exact scores of some ids from a FAISS flat index; NaN where it doesn't hold the id."""
    positions = labels.positions(ids)
    known = positions >= 0
    scores = np.full(len(ids), np.nan, dtype=np.float32)
    if known.any():
        scores[known] = vectors.reconstruct_batch(positions[known]) @ query
    return scores
