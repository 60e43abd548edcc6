"""Calls where none is right."""

from __future__ import annotations

from ragent_evals.metrics.measuring import PerCase
from ragent_evals.metrics.metric import Metric, MetricContext
from ragent_evals.metrics.tools.matching import KINDS


def open_no_call(_: MetricContext) -> Metric:
    """Whether nothing is called where no call is right; without a say where one is.

    Source: irrelevance detection of the Berkeley leaderboard.
    """
    return PerCase("no_call", KINDS, lambda _, outcome: float(not outcome.calls), lambda case: not case.calls)
