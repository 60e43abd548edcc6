"""The search: singles by successive halving, the best of them joined, and a check on cases it never saw."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from ragent.errors import EvalError
from ragent.prompts import Example
from ragent_evals.comparing.significance import permutation_p
from ragent_evals.estimates import Estimate, interval
from ragent_evals.metrics.metric import Metric
from ragent_evals.optimizing.budget import Budget
from ragent_evals.optimizing.candidate import Candidate
from ragent_evals.optimizing.halving import Halved, Rung, Trial, halve
from ragent_evals.optimizing.journal import Journal
from ragent_evals.optimizing.observing import (
    Seen,
    Values,
    answered_at,
    best_threshold,
    mean_at,
    observe,
    values_at,
    with_a_say,
    worth_at_all,
)
from ragent_evals.optimizing.program import Program
from ragent_evals.optimizing.proposing import dimension, distinct, joined
from ragent_evals.sets.case import Case

_CHECK_SHARE = 1 / 3
_SINGLES_SHARE = 0.55
_FEWEST_CASES = 5
_ENOUGH = 0.5
_SEED = 0
NOTHING_SAID = -math.inf
"""The score of what the metric says nothing about: it is behind all of which it says something."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One halving: what was tried, and how it went."""

    candidates: tuple[Candidate, ...]
    rungs: tuple[Rung, ...]


@dataclass(frozen=True, slots=True)
class Half:
    """The start or the winner, on the cases it was checked on."""

    candidate: Candidate
    threshold: float
    value: Estimate
    answered: float


@dataclass(frozen=True, slots=True)
class Optimized:
    """What a search found.

    Attributes:
        start: the program as it was.
        winner: the program as it should be.
        gain: the winner's value less the start's, case by case, on cases that the search never saw.
        p: how often chance alone would make so large a difference.
        silent: what saying nothing at all is worth on the same cases: a winner near it has learned silence.
            None where the metric doesn't say.
        train_cases: how many cases the winner and its threshold were chosen by.
        test_cases: how many they were checked on.
        stages: what was tried.
        spent: of the budget.
        asks: how many questions it took.
    """

    start: Half
    winner: Half
    gain: Estimate
    p: float
    silent: float | None
    train_cases: int
    test_cases: int
    stages: tuple[Stage, ...]
    spent: float
    asks: int

    @property
    def is_accepted(self) -> bool:
        """Whether there is something to write, and held-out cases don't get worse by it."""
        same = self.winner.candidate == self.start.candidate and self.winner.threshold == self.start.threshold
        return not same and self.gain.value >= 0


@dataclass(slots=True)
class Search:
    """A search for a better program.

    Attributes:
        program: what is improved.
        metric: what it should be better by.
        journal: what was asked before.
        tunes_threshold: whether the threshold of support is to be found, too.
        on_ask: told of each ask.
    """

    program: Program
    metric: Metric
    journal: Journal
    tunes_threshold: bool = True
    on_ask: Callable[[Budget], None] = lambda budget: None
    _seen: dict[str, Seen] = field(default_factory=dict)

    def run(
        self, candidates: Sequence[Candidate], train: Sequence[Case], test: Sequence[Case], budget: Budget
    ) -> Optimized:
        """Find the best of the candidates and of what they are together, and check it.

        Args:
            candidates: changes to try beside the program as it stands, each by itself at first.
            train: the cases to choose by.
            test: the cases to check on, none of which may be among those.
            budget: for all of it; a third is kept for the check.

        Raises:
            EvalError: the budget is too small.
        """
        train, test = mixed(train), mixed(test)
        search = budget.part(1 - _CHECK_SHARE)
        singles = search.part(_SINGLES_SHARE)
        self._look(Candidate(), train[0], singles)  # what an ask takes says how many can be tried
        arms = _affordable((Candidate(), *candidates), singles)
        first = self._halve(arms, train, singles)
        search.take(singles)
        best = self._best_of(arms, first)
        finalists = distinct([Candidate(), *best[:2], *joined(best)])
        second = self._halve(finalists, train, search)
        budget.take(search)
        winner = finalists[second.ranked[0]]
        seen = second.seen[second.ranked[0]]
        threshold = self._best_threshold(seen) if self.tunes_threshold else self.program.threshold
        stages = (Stage(arms, first.rungs), Stage(tuple(finalists), second.rungs))
        return self._check(winner, threshold, len(seen), test, budget, stages)

    def _best_threshold(self, seen: Sequence[Seen]) -> float:
        (said,) = with_a_say([seen], None)
        if not said:
            raise EvalError(
                f"{self.metric.name} says nothing of silence, so that no threshold can be chosen by it",
                hint="--tune without abstain_below",
            )
        return best_threshold(said)

    def examples(self, train: Sequence[Case], most: int, budget: Budget) -> list[Example]:
        """Examples from cases that went well, as the program stands: the very words, and where they stood."""
        found: list[Example] = []
        for case in mixed(train):
            if len(found) == most or not budget.affords(1):
                break
            seen = self._look(Candidate(), case, budget)
            if not case.is_impossible and (seen.shown or 0.0) >= _ENOUGH and seen.support >= 0:
                example = self.program.example(case, seen.quote)
                found += [example] if example else []
        return found

    def _halve(self, arms: Sequence[Candidate], cases: Sequence[Case], budget: Budget) -> Halved[Seen]:
        def look(arm: int, case: int, part: Budget) -> Seen:
            return self._look(arms[arm], cases[case], part)

        return halve(Trial(len(arms), len(cases), look, self._scores), budget)

    def _scores(self, rows: Sequence[Sequence[Seen]]) -> list[float]:
        """What each row of the same cases is worth; NOTHING_SAID where the metric has no say."""
        fixed = None if self.tunes_threshold else self.program.threshold
        scores = []
        for row in with_a_say(rows, fixed):
            worth = worth_at_all if fixed is None else partial(mean_at, threshold=fixed)
            scores.append(worth(row) if row else NOTHING_SAID)
        return scores

    def _look(self, candidate: Candidate, case: Case, budget: Budget) -> Seen:
        key = f"{self.program.key(candidate, case)}-{self.metric.name}"
        if key not in self._seen:
            self._seen[key] = self.journal.once(key, lambda: self._ask(candidate, case))
            budget.charge(self._seen[key].seconds)
            self.on_ask(budget)
        return self._seen[key]

    def _ask(self, candidate: Candidate, case: Case) -> Seen:
        tried = self.program.run(candidate, case)
        return observe(self.metric, case, tried.outcome, tried.quote)

    def _best_of(self, arms: Sequence[Candidate], halved: Halved[Seen]) -> list[Candidate]:
        """The best change of each kind that did better than none on the cases that both saw."""
        gains: dict[tuple[str, ...], tuple[float, Candidate]] = {}
        for arm in halved.ranked:
            both = min(len(halved.seen[arm]), len(halved.seen[0]))
            here, before = self._scores([halved.seen[arm][:both], halved.seen[0][:both]])
            if here > before > NOTHING_SAID:
                gain = here - before
                gains.setdefault(dimension(arms[arm]), (gain, arms[arm]))
        return [candidate for _, candidate in gains.values()]

    def _check(
        self,
        winner: Candidate,
        threshold: float,
        train_cases: int,
        test: Sequence[Case],
        budget: Budget,
        stages: tuple[Stage, ...],
    ) -> Optimized:
        start = Candidate()
        rows: list[tuple[Seen, Seen]] = []
        for case in test:
            if not budget.affords(1 if winner == start else 2):
                break
            rows.append((self._look(start, case, budget), self._look(winner, case, budget)))
        old = self.program.threshold
        rows = [row for row in rows if row[0].at(old) is not None and row[1].at(threshold) is not None]
        if not rows:
            raise EvalError(f"{self.metric.name} has no say about the cases to check on", hint="take another")
        before, after = ([row[side] for row in rows] for side in (0, 1))
        silence = [one.withheld for one in before if one.withheld is not None]
        differences = values_at(after, threshold) - values_at(before, old)
        return Optimized(
            Half(start, old, _estimate(values_at(before, old)), answered_at(before, old)),
            Half(winner, threshold, _estimate(values_at(after, threshold)), answered_at(after, threshold)),
            _estimate(differences),
            permutation_p(differences),
            round(float(np.mean(silence)), 4) if len(silence) == len(before) else None,
            train_cases,
            len(rows),
            stages,
            budget.spent,
            budget.asks,
        )


def mixed(cases: Sequence[Case]) -> list[Case]:
    """The cases in an order of chance, always the same; each stretch has its share of unanswerable ones."""
    order = np.random.default_rng(_SEED).permutation(len(cases))
    places: list[tuple[float, int]] = []
    for impossible in (False, True):
        some = [int(index) for index in order if cases[index].is_impossible == impossible]
        places += [((rank + 0.5) / len(some), index) for rank, index in enumerate(some)]
    return [cases[index] for _, index in sorted(places)]


def _affordable(arms: Sequence[Candidate], budget: Budget) -> tuple[Candidate, ...]:
    """So many candidates, the first ones, that the first rung can try each on a few cases."""
    count = len(arms)
    while count > 2 and not budget.affords(count * math.ceil(math.log2(count)) * _FEWEST_CASES):
        count -= 1
    return tuple(arms[:count])


def _estimate(values: Values) -> Estimate:
    low, high = interval(values[:, None])
    return Estimate(*(round(float(each), 4) for each in (values.mean(), low[0], high[0])))
