"""Reciprocal rank."""

from __future__ import annotations

from ragent_evals.metrics.metric import Metric, MetricContext
from ragent_evals.metrics.retrieval.trec import Ranking


def open_mrr(context: MetricContext) -> Metric:
    """One over the place of the first relevant text; 0 where it is not among the first k.

    Source: trec_eval's recip_rank, cut at k.
    """
    return Ranking(f"mrr@{context.k}")
