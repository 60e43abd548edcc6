"""Fits what a judge's score means to people's labels."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_LABELS = 30
"""With fewer, half of them would say nothing about the other half."""

_STEPS = 100
_NEAR_SURE = 1e-6
_RIDGE = 1e-3
_FLAT = 1e-9


@dataclass(frozen=True, slots=True)
class Platt:
    """p(label is yes) = 1 / (1 + exp(-(slope * logit(score) + intercept)))."""

    slope: float
    intercept: float

    @property
    def threshold(self) -> float | None:
        """The score from which yes is likelier than no; None where more score makes yes no likelier."""
        if self.slope <= _FLAT:
            return None
        return 1 / (1 + math.exp(_bounded(self.intercept / self.slope)))

    def probability(self, score: float) -> float:
        """Of yes, for a score from 0 to 1."""
        return 1 / (1 + math.exp(-_bounded(self.slope * _logit(score) + self.intercept)))


def fit_platt(scores: Sequence[float], is_yes: Sequence[bool]) -> Platt:
    """Platt's scaling (1999), with his targets that keep away from 0 and 1, by Newton's method.

    A slight ridge on the slope keeps it finite where the scores part the labels fully.
    """
    logits = np.array([_logit(score) for score in scores])
    yes = np.array(is_yes, dtype=bool)
    count = int(yes.sum())
    targets = np.where(yes, (count + 1) / (count + 2), 1 / (len(yes) - count + 2))
    rows = np.stack([logits, np.ones(len(logits))], axis=1)
    ridge = np.diag([_RIDGE, _RIDGE])
    found = np.zeros(2)
    for _ in range(_STEPS):
        step = _newton_step(rows, targets, found, ridge)
        found = found + step
        if np.abs(step).max() < 1e-10:
            break
    return Platt(float(found[0]), float(found[1]))


def halves(ids: Sequence[str]) -> tuple[list[int], list[int]]:
    """Places of the ids: one half to fit on, the other to test on; the same for the same ids."""
    order = sorted(range(len(ids)), key=lambda place: hashlib.sha256(ids[place].encode()).digest())
    middle = len(ids) // 2
    return sorted(order[:middle]), sorted(order[middle:])


def _newton_step(
    rows: NDArray[np.float64],
    targets: NDArray[np.float64],
    found: NDArray[np.float64],
    ridge: NDArray[np.float64],
) -> NDArray[np.float64]:
    p = 1 / (1 + np.exp(-np.clip(rows @ found, -500, 500)))
    gradient = rows.T @ (targets - p) - ridge @ found
    curvature = (rows * (p * (1 - p))[:, None]).T @ rows + ridge
    step: NDArray[np.float64] = np.clip(np.linalg.solve(curvature, gradient), -5, 5)
    return step


def _logit(score: float) -> float:
    inside = min(max(score, _NEAR_SURE), 1 - _NEAR_SURE)
    return math.log(inside / (1 - inside))


def _bounded(value: float) -> float:
    return min(max(value, -500.0), 500.0)
