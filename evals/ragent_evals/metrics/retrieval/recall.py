"""Recall."""

from __future__ import annotations

from ragent_evals.metrics.metric import Metric, MetricContext
from ragent_evals.metrics.retrieval.trec import Ranking


def open_recall(context: MetricContext) -> Metric:
    """The share of relevant texts that are among the first found.

    Source: trec_eval's recall.
    """
    return Ranking(f"recall@{context.k}")
