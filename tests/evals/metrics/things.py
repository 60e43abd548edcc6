"""Small things that tests of metrics make."""

from __future__ import annotations

from typing import NoReturn

from ragent_evals.metrics.metric import Metric, MetricContext, SetMetric
from ragent_evals.metrics.opening import open_metrics
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case


def refuse() -> NoReturn:
    raise AssertionError("a model was opened that nothing needs")


NOTHING = MetricContext({}, refuse, refuse)


def only(name: str, context: MetricContext = NOTHING) -> Metric:
    (metric,) = open_metrics([name], context)
    assert isinstance(metric, Metric)
    return metric


def of_set(name: str) -> SetMetric:
    (metric,) = open_metrics([name], NOTHING)
    assert isinstance(metric, SetMetric)
    return metric


def value(name: str, case: Case, outcome: Outcome, context: MetricContext = NOTHING) -> float | None:
    (found,) = only(name, context).values([case], [outcome])
    return found
