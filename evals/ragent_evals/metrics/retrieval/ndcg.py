"""Normalised discounted cumulative gain."""

from __future__ import annotations

from ragent_evals.metrics.metric import Metric, MetricContext
from ragent_evals.metrics.retrieval.trec import Ranking


def open_ndcg(context: MetricContext) -> Metric:
    """How much of what is relevant is found, the best of it first, against the best order there is.

    Source: Järvelin and Kekäläinen 2002, with the grade as gain, as trec_eval's ndcg_cut.
    """
    return Ranking(f"ndcg@{context.k}")
