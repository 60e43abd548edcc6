"""Token F1."""

from __future__ import annotations

from ragent_evals.metrics.answers.expecting import open_likeness
from ragent_evals.metrics.metric import Metric, MetricContext
from ragent_evals.metrics.words import f1


def open_f1(_: MetricContext) -> Metric:
    """How many words the answer shares with the likest right one (F1).

    Source: SQuAD 2 (Rajpurkar et al. 2018, arXiv:1806.03822) and its script: case, articles and punctuation
    don't count; for a question without an answer, silence is 1 and anything else 0.
    """
    return open_likeness("f1", f1)
