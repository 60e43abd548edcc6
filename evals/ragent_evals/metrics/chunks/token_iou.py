"""Intersection over union of tokens."""

from __future__ import annotations

from ragent_evals.metrics.chunks.overlap import open_overlap
from ragent_evals.metrics.metric import Metric, MetricContext


def open_token_iou(context: MetricContext) -> Metric:
    """Tokens that answer and were found, of those that answer or were found.

    Source: Smith and Troynikov, "Evaluating chunking strategies for retrieval" (Chroma 2024).
    """
    return open_overlap(context, "token_iou", lambda found: found.iou)
