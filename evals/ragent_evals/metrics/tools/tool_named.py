"""The right functions."""

from __future__ import annotations

from collections import Counter

from ragent_evals.metrics.measuring import PerCase
from ragent_evals.metrics.metric import Metric, MetricContext
from ragent_evals.metrics.tools.matching import KINDS
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case


def open_tool_named(_: MetricContext) -> Metric:
    """Whether the functions called are the expected ones, as often, whatever their arguments.

    Source: the Berkeley leaderboard's check of names. It has no say where no call is right: see no_call.
    """
    return PerCase("tool_named", KINDS, _are_named, lambda case: bool(case.calls))


def _are_named(case: Case, outcome: Outcome) -> float:
    expected = Counter(name for call in case.calls for name in call)
    return float(Counter(call.get("name") for call in outcome.calls) == expected)
