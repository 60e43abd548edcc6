"""Precision."""

from __future__ import annotations

from ragent_evals.metrics.metric import Metric, MetricContext
from ragent_evals.metrics.retrieval.trec import Ranking


def open_precision(context: MetricContext) -> Metric:
    """The share of the first k places that relevant texts take; fewer found than k count as k.

    Source: trec_eval's P.
    """
    return Ranking(f"precision@{context.k}")
