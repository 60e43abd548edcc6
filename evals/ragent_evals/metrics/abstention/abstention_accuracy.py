"""Abstention, right or wrong."""

from __future__ import annotations

from ragent_evals.metrics.answers.expecting import KINDS, is_known
from ragent_evals.metrics.measuring import PerCase
from ragent_evals.metrics.metric import Metric, MetricContext


def open_abstention_accuracy(_: MetricContext) -> Metric:
    """Whether an answer was withheld where there is none, and given where there is one, right or not.

    Source: SQuAD 2's answerability (Rajpurkar et al. 2018, arXiv:1806.03822).
    """
    return PerCase(
        "abstention_accuracy",
        KINDS,
        lambda case, outcome: float(outcome.abstained == case.is_impossible),
        is_known,
    )
