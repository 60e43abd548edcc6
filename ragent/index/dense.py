"""Makes a dense index of the kind that the settings name, new or from its file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ragent.config import IndexSettings
from ragent.index import stamped
from ragent.index.flat import FlatIndex
from ragent.index.hnsw import HnswIndex
from ragent.index.labels import Labels
from ragent.protocols import DenseIndex


def make_dense(dimension: int, settings: IndexSettings) -> DenseIndex:
    """An empty index."""
    return _make(dimension, settings, None, None)


def load_dense(
    path: Path, settings: IndexSettings, made_with: Mapping[str, Any]
) -> tuple[DenseIndex, stamped.Stamp]:
    """An index with the stamp of its file. Raises as `stamped.load` does."""
    loaded = stamped.load(path, made_with)
    return _make(made_with["dimension"], settings, loaded.native, loaded.labels), loaded.stamp


def made_with(dimension: int, space_id: int, settings: IndexSettings) -> dict[str, Any]:
    """What a file must have been made with to serve these settings. Widths of a search aren't part of it."""
    built = {"hnsw": {"m": settings.hnsw_m, "ef_construction": settings.hnsw_ef_construction}, "flat": {}}
    return {
        "kind": settings.kind,
        "parameters": built[settings.kind],
        "dimension": dimension,
        "space": space_id,
    }


def _make(dimension: int, settings: IndexSettings, native: Any, labels: Labels | None) -> DenseIndex:
    if settings.kind == "flat":
        return FlatIndex(dimension, native=native, labels=labels)
    return HnswIndex(dimension, settings, native=native, labels=labels)
