"""Tokens written."""

from __future__ import annotations

from ragent_evals.metrics.cost.spending import open_spending
from ragent_evals.metrics.metric import Metric, MetricContext


def open_completion_tokens(_: MetricContext) -> Metric:
    """How many tokens the model wrote for a case.

    Source: the model's own count. Cases with an error are left out.
    """
    return open_spending("completion_tokens", lambda cost: cost.completion_tokens)
