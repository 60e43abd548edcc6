"""Successive halving: many candidates on a few cases, the better half on more, and so on.

Jamieson & Talwalkar 2016 (arXiv:1502.07943), Algorithm 1: each rung gets the same share of the budget, so
its survivors are tried on about twice as many cases. All candidates of a rung see the same cases, in the
same order, so that what differs is the candidates and not the luck of the draw.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ragent.errors import EvalError
from ragent_evals.optimizing.budget import Budget

Seen = TypeVar("Seen")


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung: on how many cases each arm was tried in all, and how they did; those kept come best first."""

    cases: int
    scores: dict[int, float]
    kept: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Halved(Generic[Seen]):
    """What halving found.

    Attributes:
        ranked: every arm, best first: who stayed longer is before who left earlier.
        rungs: what happened, in order.
        seen: by arm, what came of the first cases.
    """

    ranked: tuple[int, ...]
    rungs: tuple[Rung, ...]
    seen: dict[int, list[Seen]]


@dataclass(frozen=True, slots=True)
class Trial(Generic[Seen]):
    """What is tried: `arms` candidates on up to `cases` cases.

    Attributes:
        look: tries one arm on one case, and charges the budget.
        score: what the cases that each arm has seen, the same ones, are worth together; more is better.
    """

    arms: int
    cases: int
    look: Callable[[int, int, Budget], Seen]
    score: Callable[[Sequence[Sequence[Seen]]], Sequence[float]]


def halve(trial: Trial[Seen], budget: Budget) -> Halved[Seen]:
    """Find the best arm within a budget. Of two that do equally well, the earlier one wins.

    Raises:
        EvalError: the budget doesn't even try every arm once.
    """
    alive = list(range(trial.arms))
    seen: dict[int, list[Seen]] = {arm: [] for arm in alive}
    left: list[int] = []
    rungs: list[Rung] = []
    count = max(1, math.ceil(math.log2(max(1, trial.arms))))
    for number in range(count):
        _climb(trial, budget, {arm: seen[arm] for arm in alive}, budget.share(count - number))
        if not seen[alive[0]]:
            raise EvalError(
                f"a budget of {budget.limit:g} {budget.unit} is too small to try {len(alive)} candidates",
                hint=f"at least {len(alive) * count} asks, or tune less",
            )
        scores = dict(zip(alive, trial.score([seen[arm] for arm in alive]), strict=True))
        ranked = sorted(alive, key=lambda arm: (-scores[arm], arm))
        kept = ranked[: max(1, len(ranked) // 2)]
        rungs.append(Rung(len(seen[alive[0]]), scores, tuple(kept)))
        left = ranked[len(kept) :] + left
        alive = sorted(kept)
    return Halved((*alive, *left), tuple(rungs), seen)


def _climb(trial: Trial[Seen], budget: Budget, seen: dict[int, list[Seen]], until: float) -> None:
    """Whole rows only: a case that some of the arms haven't seen would compare what can't be compared."""
    done = len(next(iter(seen.values())))
    while done < trial.cases and budget.affords(len(seen), until):
        for arm, one in seen.items():
            one.append(trial.look(arm, done, budget))
        done += 1
