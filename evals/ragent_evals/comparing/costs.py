"""What a case costs in one run, beside another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ragent_evals.comparing.comparison import CostRatio
from ragent_evals.outcome import Outcome

COST_METRICS = frozenset(
    {
        "completion_tokens",
        "first_token",
        "memory",
        "prompt_tokens",
        "reused_tokens",
        "seconds",
        "seconds_p50",
        "seconds_p90",
        "seconds_p99",
        "throughput",
    }
)
"""Metrics of what cases cost, which depend on the machine and on what else it does."""

_COSTS = ("seconds", "first_token_seconds", "prompt_tokens", "completion_tokens", "reused_tokens")
_RESAMPLES = 2_000
_SEED = 0


def cost_ratios(a: Sequence[Outcome], b: Sequence[Outcome]) -> tuple[CostRatio, ...]:
    """The ratio of the medians of each cost that either run has. Both are of the same cases, in order."""
    ratios = []
    for name in _COSTS:
        pairs = [
            (getattr(first.cost, name), getattr(second.cost, name))
            for first, second in zip(a, b, strict=True)
        ]
        both = np.array([pair for pair in pairs if None not in pair], dtype=np.float64)
        if both.any():
            ratios.append(_ratio(name, both))
    return tuple(ratios)


def _ratio(name: str, both: NDArray[np.float64]) -> CostRatio:
    before, after = map(float, np.median(both, axis=0))
    if not before:
        return CostRatio(name, before, after, None, None, None)
    random = np.random.default_rng(_SEED)
    drawn = np.array(
        [np.median(both[random.integers(0, len(both), len(both))], axis=0) for _ in range(_RESAMPLES)]
    )
    drawn = drawn[drawn[:, 0] > 0]
    low, high = map(float, np.percentile(drawn[:, 1] / drawn[:, 0], [2.5, 97.5]))
    return CostRatio(name, before, after, after / before, low, high)
