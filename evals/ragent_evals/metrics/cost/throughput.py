"""Tokens a second."""

from __future__ import annotations

from ragent_evals.metrics.measuring import EVERY_KIND, PerSet, Rows
from ragent_evals.metrics.metric import MetricContext, SetMetric
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case


def open_throughput(_: MetricContext) -> SetMetric:
    """How many tokens were written a second of the cases' time, those that wrote nothing left out.

    Source: the run's clock. Cases that run beside one another share the machine, and each counts its own
    seconds. Cases with an error are left out.
    """
    return PerSet("throughput", EVERY_KIND, _written, _rate)


def _written(_: Case, outcome: Outcome) -> tuple[float, float] | None:
    cost = outcome.cost
    if outcome.error or not cost.completion_tokens or cost.seconds <= 0:
        return None
    return cost.completion_tokens, cost.seconds


def _rate(rows: Rows) -> float:
    tokens, seconds = rows.sum(axis=0)
    return float(tokens / seconds)
