"""What a kind of dense index must offer: vectors by position, and a way to those nearest to a query."""

from __future__ import annotations

from typing import Any, Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

from ragent.protocols import Ids, Vectors

Mask = NDArray[np.bool_]
"""Shape (count,): which positions may be found."""


LOWEST = np.finfo(np.float32).min
"""FAISS's score of what it didn't find."""


class Engine(Protocol):
    """One FAISS index and how it is asked. Positions count from 0 in the order of adding."""

    @property
    def kind(self) -> str: ...

    @property
    def native(self) -> Any:
        """The FAISS index as it goes into a file."""

    @property
    def exact(self) -> Any:
        """A FAISS index over the same positions that holds the vectors themselves."""

    def begin(self, sample: Vectors, count: int) -> None:
        """Make an empty index for about `count` vectors like those of the sample. Not for one from a file."""

    def add(self, vectors: Vectors) -> None:
        """Append. Never to an index that is mapped from its file: FAISS ends the process then."""

    def near(self, queries: Vectors, k: int, mask: Mask | None) -> tuple[Ids, Vectors]:
        """Positions and exact scores, each of shape (n, k), best first; position -1 where fewer were found.

        `mask` None: every position may be found.
        """


def scan(exact: Any, queries: Vectors, k: int, mask: Mask | None) -> tuple[Ids, Vectors]:
    """Look at every vector that may be found. Like `Engine.near`, and misses none."""
    parameters = None if mask is None else faiss.SearchParameters(sel=selector(mask))
    scores, positions = exact.search(queries, k, params=parameters)
    return positions, scores


def selector(mask: Mask) -> Any:
    """FAISS's form of a mask."""
    return faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))


def gather(exact: Any, positions: Ids) -> Vectors:
    """The vectors at some positions, shape (n, dimension)."""
    size = exact.code_size
    codes = faiss.rev_swig_ptr(exact.codes.data(), exact.ntotal * size).reshape(-1, size)
    # Decoding them together takes a tenth of the time of FAISS's reconstruct_batch.
    vectors: Vectors = exact.sa_decode(codes[positions])
    return vectors
