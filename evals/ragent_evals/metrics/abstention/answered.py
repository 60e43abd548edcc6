"""How much is answered."""

from __future__ import annotations

from ragent_evals.metrics.answers.expecting import KINDS
from ragent_evals.metrics.measuring import PerCase
from ragent_evals.metrics.metric import Metric, MetricContext


def open_answered(_: MetricContext) -> Metric:
    """The share of questions that got an answer, right or wrong: the coverage of selective answering.

    Source: El-Yaniv and Wiener 2010, "On the foundations of noise-free selective classification". More is
    better only as long as the answers are right: read it beside aurc.
    """
    return PerCase("answered", KINDS, lambda _, outcome: float(not outcome.abstained))
