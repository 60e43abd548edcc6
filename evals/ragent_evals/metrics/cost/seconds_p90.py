"""Seconds of the clock, percentile 90."""

from __future__ import annotations

from ragent_evals.metrics.cost.spending import open_seconds
from ragent_evals.metrics.metric import MetricContext, SetMetric


def open_seconds_p90(_: MetricContext) -> SetMetric:
    """Within how many seconds of the clock nine of ten cases were done.

    Source: the run's clock. Cases with an error are left out.
    """
    return open_seconds(90)
