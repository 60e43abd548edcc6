"""Builds what a dense index searches: anew, or by moving its tail into what is built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ragent.config import IndexSettings
from ragent.index.dense import Dense
from ragent.index.engine import Engine
from ragent.index.flat import FlatEngine
from ragent.index.hnsw import HnswEngine
from ragent.index.hnsw_sq import ByteGraph
from ragent.index.ivf import Lists
from ragent.index.labels import Labels
from ragent.index.lsh import Hyperplanes
from ragent.index.rabitq import Bits
from ragent.index.rescored import Codes, RescoredEngine
from ragent.protocols import Ids

_CODES: dict[str, Callable[[IndexSettings], Codes]] = {
    "hnsw_sq": ByteGraph,
    "ivf": Lists,
    "lsh": Hyperplanes,
    "rabitq": Bits,
}
Watch = Callable[[int, int], None]
"""Called with (done, total) now and then; it may raise, to stop the building."""

_SLICE = 256
"""Vectors added between two looks at whether to go on: a third of a second of building a graph."""
_SAMPLE = 65_536


def open_engine(kind: str, dimension: int, settings: IndexSettings, native: Any = None) -> Engine:
    """The engine of a kind; `native` is FAISS's index from a file."""
    if kind == "flat":
        return FlatEngine(dimension, native)
    if kind == "hnsw":
        return HnswEngine(dimension, settings, native)
    return RescoredEngine(dimension, _CODES[kind](settings), native)


def build(index: Dense, kind: str, settings: IndexSettings, watch: Watch) -> Dense:
    """An index of that kind over what is alive in another, which must not change meanwhile.

    Args:
        index: The vectors, at least one.
        kind: What is to be built.
        settings: How.
        watch: Told how far it is.
    """
    live = index.labels.live_positions
    engine = open_engine(kind, index.dimension, settings)
    some = np.random.default_rng(0).permutation(len(live))[:_SAMPLE]
    engine.begin(index.take(live[np.sort(some)]), len(live))
    _pour(index, live, engine, watch)
    return Dense(index.dimension, engine, Labels(index.ids[live]))


def fold(index: Dense, built: Engine, watch: Watch) -> Dense:
    """Move the tail of an index into an engine, in memory, of what is built of it. The dead stay dead."""
    _pour(index, np.arange(index.built_count, len(index.ids)), built, watch)
    return Dense(index.dimension, built, Labels(index.ids, index.dead))


def _pour(index: Dense, positions: Ids, engine: Engine, watch: Watch) -> None:
    for first in range(0, len(positions), _SLICE):
        part = positions[first : first + _SLICE]
        engine.add(index.take(part))
        watch(first + len(part), len(positions))
