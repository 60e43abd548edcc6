"""Approximate search over a small-world graph (Malkov and Yashunin 2018, arXiv:1603.09320)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss
import numpy as np

from ragent.config import IndexSettings
from ragent.index.flat import cosines, scan
from ragent.index.labels import Labels
from ragent.protocols import Ids, Vectors


class HnswIndex:
    """FAISS IndexHNSWFlat. The graph can't forget a node: the dead stay, and searches step over them."""

    kind = "hnsw"

    def __init__(
        self, dimension: int, settings: IndexSettings, *, native: Any = None, labels: Labels | None = None
    ) -> None:
        if native is None:
            native = faiss.IndexHNSWFlat(dimension, settings.hnsw_m, faiss.METRIC_INNER_PRODUCT)
            native.hnsw.efConstruction = settings.hnsw_ef_construction
        self._native = native
        self._width = settings.hnsw_ef_search
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
        selector = self._labels.selector(among)
        parameters = faiss.SearchParametersHNSW(sel=selector, efSearch=max(self._width, k))
        scores, positions = self._native.search(queries, k, params=parameters)
        ids = self._labels.name(positions)
        # A walk over the graph may find fewer than there are, when k is near their number or many are dead.
        short = np.count_nonzero(ids >= 0, axis=1) < min(k, self._labels.count(among))
        if short.any():
            ids[short], scores[short] = scan(self._vectors, self._labels, queries[short], k, among)
        return ids, scores

    def score(self, query: Vectors, ids: Ids) -> Vectors:
        """Scores, shape (n,), of the given ids for one query, shape (dimension,); NaN for unknown ids."""
        return cosines(self._vectors, self._labels, query, ids)

    def dump(self, path: Path) -> None:
        """Write the graph with its vectors, but not the ids, to `path`."""
        faiss.write_index(self._native, str(path))

    @property
    def _vectors(self) -> Any:
        return faiss.downcast_index(self._native.storage)
