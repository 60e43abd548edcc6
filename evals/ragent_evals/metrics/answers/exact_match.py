"""Exact match."""

from __future__ import annotations

from ragent_evals.metrics.answers.expecting import open_likeness
from ragent_evals.metrics.metric import Metric, MetricContext
from ragent_evals.metrics.words import is_exact


def open_exact_match(_: MetricContext) -> Metric:
    """Whether the answer is a right one but for case, articles and punctuation.

    Source: SQuAD 2 (Rajpurkar et al. 2018, arXiv:1806.03822) and its script; for a question without an
    answer, silence is right.
    """
    return open_likeness("exact_match", is_exact)
