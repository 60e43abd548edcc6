"""Tokens not read again."""

from __future__ import annotations

from ragent_evals.metrics.cost.spending import open_spending
from ragent_evals.metrics.metric import Metric, MetricContext


def open_reused_tokens(_: MetricContext) -> Metric:
    """How many of the tokens to be read the model knew from before.

    Source: the model's own count. Cases with an error are left out.
    """
    return open_spending("reused_tokens", lambda cost: cost.reused_tokens, higher_is_better=True)
