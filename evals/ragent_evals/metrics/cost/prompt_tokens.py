"""Tokens read."""

from __future__ import annotations

from ragent_evals.metrics.cost.spending import open_spending
from ragent_evals.metrics.metric import Metric, MetricContext


def open_prompt_tokens(_: MetricContext) -> Metric:
    """How many tokens a case gave the model to read.

    Source: the model's own count. Cases with an error are left out.
    """
    return open_spending("prompt_tokens", lambda cost: cost.prompt_tokens)
