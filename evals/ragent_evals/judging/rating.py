"""Bradley-Terry ratings: how strong each configuration is, by who was liked better than whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ragent.errors import EvalError

if TYPE_CHECKING:
    from ragent_evals.judging.pairwise import Winner

Matrix = NDArray[np.float64]

_MIDDLE = 1000.0
_SCALE = 400.0
_PRIOR = 0.5
_RESAMPLES = 1000
_SEED = 0
_STEPS = 10_000
_ENOUGH = 1e-9


@dataclass(frozen=True, slots=True)
class Met:
    """Two answers that were compared: by whom they are, and which was liked better."""

    left: str
    right: str
    winner: Winner


@dataclass(frozen=True, slots=True)
class Standing:
    """How a configuration stands.

    Attributes:
        name: of the configuration.
        rating: on a scale like Elo's: the mean of all is 1000, and 400 more are odds of ten to one.
        low: where its 95 % interval begins.
        high: where it ends.
        wins: how often it was liked better.
        ties: how often neither was.
        losses: how often the other was.
    """

    name: str
    rating: float
    low: float
    high: float
    wins: int
    ties: int
    losses: int


def standings(met: Sequence[Met]) -> list[Standing]:
    """Rate configurations, best first. Intervals are 95 % percentile bootstrap over comparisons.

    A tie is half a win for both. Each two that met get half a win more each, as one that never lost would
    otherwise be infinitely strong.

    Raises:
        EvalError: there are groups that never met one another, so nothing says which is stronger.
    """
    if not met:
        return []
    names = sorted({name for one in met for name in (one.left, one.right)})
    place = {name: number for number, name in enumerate(names)}
    wins, ties = np.zeros((len(names),) * 2), np.zeros((len(names),) * 2)
    for one in met:
        left, right = place[one.left], place[one.right]
        if one.winner == "tie":
            ties[min(left, right), max(left, right)] += 1
        else:
            better, worse = (left, right) if one.winner == "left" else (right, left)
            wins[better, worse] += 1
    _refuse_unless_connected(names, wins + ties)
    prior = _PRIOR * (wins + wins.T + ties + ties.T > 0)
    ratings = _ratings(_shared(wins, ties)[None] + prior)[0]
    low, high = np.percentile(_ratings(_resampled(wins, ties) + prior), [2.5, 97.5], axis=0)
    drawn = ties.sum(axis=0) + ties.sum(axis=1)
    found = [
        Standing(
            name,
            round(float(ratings[number]), 1),
            round(float(low[number]), 1),
            round(float(high[number]), 1),
            int(wins[number].sum()),
            int(drawn[number]),
            int(wins[:, number].sum()),
        )
        for number, name in enumerate(names)
    ]
    return sorted(found, key=lambda one: (-one.rating, one.name))


def strengths(wins: Matrix) -> Matrix:
    """The maximum of the Bradley-Terry likelihood, by the MM algorithm (Hunter 2004, Ann. Statist. 32).

    p(i beats j) = strength[i] / (strength[i] + strength[j]). The geometric mean of the strengths is 1.

    Args:
        wins: shape (n, players, players), entry [i, j] is how often i beat j, ties halved; each of the n
            tables must let one come from any player to any other by way of wins.

    Returns:
        Shape (n, players).
    """
    games = wins + wins.transpose(0, 2, 1)
    total = wins.sum(axis=2)
    found = np.ones(total.shape)
    for _ in range(_STEPS):
        before = found
        found = total / (games / (found[:, :, None] + found[:, None, :])).sum(axis=2)
        found /= np.exp(np.log(found).mean(axis=1, keepdims=True))
        if np.abs(np.log(found) - np.log(before)).max() < _ENOUGH:
            break
    return found


def groups(met: Matrix) -> list[list[int]]:
    """Players in groups that are linked by having met, each in order; [i, j] of `met` isn't 0 if i met j."""
    left = set(range(len(met)))
    linked = (met + met.T) > 0
    found = []
    while left:
        reached, fringe = set[int](), {min(left)}
        while fringe:
            reached |= fringe
            fringe = {int(other) for one in fringe for other in np.flatnonzero(linked[one])} - reached
        found.append(sorted(reached))
        left -= reached
    return found


def _refuse_unless_connected(names: Sequence[str], met: Matrix) -> None:
    apart = groups(met)
    if len(apart) > 1:
        told = "; ".join(", ".join(names[one] for one in group) for group in apart)
        raise EvalError(
            f"these never met one another, so they can't be rated together: {told}",
            hint="compare one of each group with one of another: ragent eval arena RUN_A RUN_B",
        )


def _ratings(wins: Matrix) -> Matrix:
    return _MIDDLE + _SCALE * np.log10(strengths(wins))


def _shared(wins: Matrix, ties: Matrix) -> Matrix:
    """Wins with ties as half a win of both."""
    return wins + (ties + np.swapaxes(ties, -1, -2)) / 2


def _resampled(wins: Matrix, ties: Matrix) -> Matrix:
    """As many comparisons, drawn with replacement: their counts are multinomial."""
    cells = np.concatenate([wins.ravel(), ties.ravel()])
    count = int(cells.sum())
    drawn = np.random.default_rng(_SEED).multinomial(count, cells / count, _RESAMPLES).astype(np.float64)
    won, tied = (part.reshape(-1, *wins.shape) for part in np.split(drawn, 2, axis=1))
    return _shared(won, tied)
