"""Precision of tokens."""

from __future__ import annotations

from ragent_evals.metrics.chunks.overlap import open_overlap
from ragent_evals.metrics.metric import Metric, MetricContext


def open_token_precision(context: MetricContext) -> Metric:
    """The share of the tokens of the first k passages that answer.

    Source: Smith and Troynikov, "Evaluating chunking strategies for retrieval" (Chroma 2024).
    """
    return open_overlap(context, "token_precision", lambda found: found.precision)
