"""How far a judge agrees with people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragent_evals.estimates import Estimate

Counts = NDArray[np.float64]
"""Shape (verdicts, verdicts): row is the label, column what the judge said."""

_RESAMPLES = 2000
_SEED = 0


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far a judge agrees with labels.

    Attributes:
        cases: how many were compared.
        accuracy: the share of verdicts that are the label, with its 95 % interval.
        kappa: agreement beyond chance, 1 is all there can be, with its 95 % interval.
        weights: "quadratic" if a verdict near the label counts in part.
        verdicts: the rows and columns of `confusion`.
        confusion: how often each label (row) got each verdict (column).
    """

    cases: int
    accuracy: Estimate
    kappa: Estimate
    weights: str
    verdicts: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]

    @property
    def is_calibrated(self) -> bool:
        """Whether the judge agrees with people beyond chance: kappa's interval lies above zero."""
        return self.kappa.low > 0


def kappa(counts: Counts, *, quadratic: bool = False) -> float:
    """Cohen's kappa (1960) of a table of counts, or with quadratic weights (1968) for ordered verdicts.

    0 where chance alone would agree fully, as when everything got the same label: nothing is shown then.
    """
    size = len(counts)
    rank = np.arange(size)
    distance = np.abs(rank[:, None] - rank[None, :]).astype(np.float64)
    weights = (distance / max(size - 1, 1)) ** 2 if quadratic else (distance > 0).astype(np.float64)
    total = counts.sum()
    if not total:
        return 0.0
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / total
    by_chance = float((weights * expected).sum())
    return 1 - float((weights * counts).sum()) / by_chance if by_chance else 0.0


def agreement(
    labels: Sequence[str], said: Sequence[str], verdicts: Sequence[str], *, quadratic: bool = False
) -> Agreement:
    """Compare verdicts with labels, case by case.

    Intervals are 95 % percentile bootstrap over cases, always from the same seed.

    Args:
        labels: what people say.
        said: what the judge says, in the same order.
        verdicts: all there are, in order of their worth.
        quadratic: whether nearness counts, see `kappa`.

    Raises:
        ValueError: there are no cases.
    """
    if not labels:
        raise ValueError("there are no labels to compare with")
    place = {verdict: number for number, verdict in enumerate(verdicts)}
    size = len(place)
    counts = np.zeros((size, size))
    for label, verdict in zip(labels, said, strict=True):
        counts[place[label], place[verdict]] += 1
    # As many cases, drawn with replacement: their counts are multinomial.
    random = np.random.default_rng(_SEED)
    shares = counts.ravel() / len(labels)
    drawn = random.multinomial(len(labels), shares, _RESAMPLES).reshape(-1, size, size).astype(np.float64)
    return Agreement(
        len(labels),
        _estimate(_accuracy(counts), [_accuracy(one) for one in drawn]),
        _estimate(kappa(counts, quadratic=quadratic), [kappa(one, quadratic=quadratic) for one in drawn]),
        "quadratic" if quadratic else "none",
        tuple(verdicts),
        tuple(tuple(int(count) for count in row) for row in counts),
    )


def _accuracy(counts: Counts) -> float:
    return float(np.trace(counts) / counts.sum())


def _estimate(value: float, drawn: Sequence[float]) -> Estimate:
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(round(value, 4), round(float(low), 4), round(float(high), 4))
