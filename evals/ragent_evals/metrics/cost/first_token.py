"""Seconds to the first token."""

from __future__ import annotations

from ragent_evals.metrics.cost.spending import open_spending
from ragent_evals.metrics.metric import Metric, MetricContext


def open_first_token(_: MetricContext) -> Metric:
    """How many seconds of the clock passed before the first token came.

    Source: the run's clock. Cases with an error are left out.
    """
    return open_spending("first_token", lambda cost: cost.first_token_seconds)
