"""Metrics of what a case took. Cases that came to an error are left out: they may have ended early."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ragent_evals.metrics.measuring import EVERY_KIND, PerCase, PerSet
from ragent_evals.metrics.metric import Metric, SetMetric
from ragent_evals.outcome import Cost


def open_spending(name: str, of: Callable[[Cost], float | None], *, higher_is_better: bool = False) -> Metric:
    """A figure of each case's cost."""
    return PerCase(
        name,
        EVERY_KIND,
        lambda _, outcome: of(outcome.cost),
        higher_is_better=higher_is_better,
        failed=None,
    )


def open_seconds(percent: int) -> SetMetric:
    """The seconds within which so many percent of the cases were done, between two cases by proportion."""
    return PerSet(
        f"seconds_p{percent}",
        EVERY_KIND,
        lambda _, outcome: None if outcome.error else (outcome.cost.seconds,),
        lambda rows: float(np.percentile(rows, percent)),
        higher_is_better=False,
    )
