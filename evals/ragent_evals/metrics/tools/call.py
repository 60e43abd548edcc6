"""Calls, arguments and all."""

from __future__ import annotations

from ragent_evals.metrics.measuring import PerCase
from ragent_evals.metrics.metric import Metric, MetricContext
from ragent_evals.metrics.tools.matching import KINDS, is_call
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case


def open_call(_: MetricContext) -> Metric:
    """Whether the calls are the expected ones, arguments and all, in any order, and no others.

    Source: the check of syntax trees of the Berkeley leaderboard: see `ragent_evals.agents.calls`. Where no
    call is right, none may be made.
    """
    return PerCase("call", KINDS, _are_right)


def _are_right(case: Case, outcome: Outcome) -> float:
    left = list(outcome.calls)
    for expected in case.calls:
        place = next((i for i, call in enumerate(left) if is_call(case, call, expected)), None)
        if place is None:
            return 0.0
        del left[place]
    return float(not left)
