"""Which kind of dense index a collection gets, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ragent.config import IndexSettings

_STEPS = (("flat", 0), ("rabitq", 50_000), ("ivf", 200_000))
"""From how many vectors on each kind is chosen: the most exact that takes at most some 1.5 ms of CPU a query.

Measured by `evals/benchmarks/indexes.py`, with 384 dimensions.
"""

_SLACK = 1.25
"""A kind is kept until the number of vectors is past its bounds by this factor."""

_REASONS = {
    "flat": "few enough to look at all of them, which is exact and needs no building",
    "rabitq": "one bit a dimension and exact scores of the best find nearly all of the nearest",
    "ivf": "too many to look at the bits of all of them, so only those near the query",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A kind, and the reason in words."""

    kind: str
    reason: str


def choose(settings: IndexSettings, count: int, current: str | None = None) -> Choice:
    """The kind for so many vectors. With `auto`, `current` is kept while it is nearly as good."""
    if settings.kind != "auto":
        return Choice(settings.kind, "set by [index] kind")
    best = _step(count)
    kinds = [kind for kind, _ in _STEPS]
    if current in kinds and current in {_step(round(count * _SLACK)), _step(round(count / _SLACK))}:
        best = current
    return Choice(best, f"auto, {count:,} vectors: {_REASONS[best]}")


def _step(count: int) -> str:
    return next(kind for kind, least in reversed(_STEPS) if count >= least)


def made_with(dimension: int, space_id: int, settings: IndexSettings, kind: str) -> dict[str, Any]:
    """What an index file was made with. How wide to search is no part of it."""
    graph = {"m": settings.hnsw_m, "ef_construction": settings.hnsw_ef_construction}
    parameters: Mapping[str, Mapping[str, Any]] = {
        "hnsw": graph,
        "hnsw_sq": graph,
        "lsh": {"bits": settings.lsh_bits, "rotation": settings.lsh_rotation},
    }
    return {
        "kind": kind,
        "parameters": dict(parameters.get(kind, {})),
        "dimension": dimension,
        "space": space_id,
    }
