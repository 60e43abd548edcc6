"""How sure ragent was, and whether it was right to be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragent_evals.metrics.answers.expecting import KINDS, is_known, is_right
from ragent_evals.metrics.measuring import Rows, rows_of
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case

_BINS = 10


@dataclass(frozen=True, slots=True)
class RiskPoint:
    """What answering only the surest cases comes to.

    Attributes:
        coverage: the share of all cases that have at least this certainty.
        risk: the share of these that are wrong.
        certainty: the support of the least sure of them; minus infinity where it has no answer.
    """

    coverage: float
    risk: float
    certainty: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers with a support from `low` to below `high`: how many, their mean support, the share right."""

    low: float
    high: float
    count: int
    support: float
    right: float


def answerable(case: Case, outcome: Outcome) -> tuple[float, float] | None:
    """Whether a case can be answered, and the support; an error counts as the worst support there is."""
    if not is_known(case):
        return None
    if outcome.error:
        return float(not case.is_impossible), math.inf if case.is_impossible else -math.inf
    return None if outcome.support is None else (float(not case.is_impossible), outcome.support)


def risk(case: Case, outcome: Outcome) -> tuple[float, float] | None:
    """How sure, and whether it was wrong. Cases without an answer come last: withheld ones and errors."""
    if not is_known(case):
        return None
    wrong = float(not is_right(case, outcome))
    if outcome.error or outcome.abstained:
        return -math.inf, wrong
    return None if outcome.support is None else (outcome.support, wrong)


def calibration(case: Case, outcome: Outcome) -> tuple[float, float] | None:
    """The support of an answer that was given, and whether it was right."""
    if not is_known(case) or outcome.error or outcome.abstained or outcome.support is None:
        return None
    return outcome.support, float(is_right(case, outcome))


def risk_coverage(cases: Sequence[Case], outcomes: Sequence[Outcome]) -> tuple[RiskPoint, ...]:
    """The risk-coverage curve: a point for each certainty that occurs, the surest first."""
    rows = rows_of(KINDS, risk, cases, outcomes)
    if not len(rows):
        return ()
    sure, counts, wrong = _blocks(rows)
    covered = np.cumsum(counts)
    points = zip(covered / len(rows), np.cumsum(wrong) / covered, sure, strict=True)
    return tuple(RiskPoint(*map(float, point)) for point in points)


def area_under_risk(rows: Rows) -> float:
    """The mean risk over all coverages, 1/n, 2/n, ..., 1; those as sure as each other in no known order.

    Cases of one certainty are wrong in equal parts: that is the mean over all their orders.
    """
    _, counts, wrong = _blocks(rows)
    total = np.cumsum(np.repeat(wrong / counts, counts))
    return float(np.mean(total / np.arange(1, len(rows) + 1)))


def reliability(cases: Sequence[Case], outcomes: Sequence[Outcome], bins: int = _BINS) -> tuple[Bin, ...]:
    """How often answers are right, by support: bins of the same width from 0 to 1, without empty ones."""
    rows = rows_of(KINDS, calibration, cases, outcomes)
    return _binned(rows, bins) if len(rows) else ()


def calibration_error(rows: Rows) -> float:
    """The mean distance of support and the share right, bin by bin, each weighing by its answers."""
    return sum(each.count * abs(each.support - each.right) for each in _binned(rows, _BINS)) / len(rows)


def _binned(rows: Rows, bins: int) -> tuple[Bin, ...]:
    places = np.clip((rows[:, 0] * bins).astype(int), 0, bins - 1)
    return tuple(
        Bin(place / bins, (place + 1) / bins, int(own.sum()), *map(float, rows[own].mean(axis=0)))
        for place in range(bins)
        if (own := places == place).any()
    )


def _blocks(rows: Rows) -> tuple[Rows, NDArray[np.int64], Rows]:
    """Each certainty that occurs, the highest first, with how many cases have it and how many are wrong."""
    sure, place, counts = np.unique(rows[:, 0], return_inverse=True, return_counts=True)
    wrong = np.bincount(place, weights=rows[:, 1]).astype(np.float64)
    return sure[::-1], counts[::-1].astype(np.int64), wrong[::-1]
