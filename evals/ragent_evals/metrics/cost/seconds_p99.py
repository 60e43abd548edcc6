"""Seconds of the clock, percentile 99."""

from __future__ import annotations

from ragent_evals.metrics.cost.spending import open_seconds
from ragent_evals.metrics.metric import MetricContext, SetMetric


def open_seconds_p99(_: MetricContext) -> SetMetric:
    """Within how many seconds of the clock 99 of 100 cases were done.

    Source: the run's clock. Cases with an error are left out.
    """
    return open_seconds(99)
