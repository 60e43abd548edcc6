"""The very value that is expected."""

from __future__ import annotations

import json
from typing import Any

from ragent_evals.metrics.measuring import PerCase
from ragent_evals.metrics.metric import Metric, MetricContext
from ragent_evals.metrics.structure.values import KINDS, value_of
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case


def open_value_match(_: MetricContext) -> Metric:
    """Whether the value is one of the case's answers, each read as JSON, or as a string where it is none.

    Source: the equality of JSON Schema: 1 is 1.0 but not true, and members have no order.
    """
    return PerCase("value_match", KINDS, _matches, lambda case: bool(case.answers))


def _matches(case: Case, outcome: Outcome) -> float:
    try:
        value = value_of(outcome)
    except ValueError:
        return 0.0
    return float(any(are_equal(value, _read(answer)) for answer in case.answers))


def are_equal(left: Any, right: Any) -> bool:
    """Whether two values are the same JSON."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(are_equal(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(are_equal, left, right))
    return bool(left == right)


def _read(answer: str) -> Any:
    try:
        return json.loads(answer)
    except ValueError:
        return answer
