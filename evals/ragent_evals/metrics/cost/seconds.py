"""Seconds."""

from __future__ import annotations

from ragent_evals.metrics.cost.spending import open_spending
from ragent_evals.metrics.metric import Metric, MetricContext


def open_seconds(_: MetricContext) -> Metric:
    """How many seconds of the clock a case took.

    Source: the run's clock. Cases with an error are left out.
    """
    return open_spending("seconds", lambda cost: cost.seconds)
