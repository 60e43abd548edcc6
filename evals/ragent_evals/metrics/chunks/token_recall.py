"""Recall of tokens."""

from __future__ import annotations

from ragent_evals.metrics.chunks.overlap import open_overlap
from ragent_evals.metrics.metric import Metric, MetricContext


def open_token_recall(context: MetricContext) -> Metric:
    """The share of the tokens that answer which the first k passages hold.

    Source: Smith and Troynikov, "Evaluating chunking strategies for retrieval" (Chroma 2024).
    """
    return open_overlap(context, "token_recall", lambda found: found.recall)
