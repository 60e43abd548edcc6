"""An arena: two answers to a question side by side, without saying whose they are, and votes on them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from sqlalchemy import Row

from ragent.errors import EvalError
from ragent.store import Store
from ragent.store.judgements import add_vote, votes_in
from ragent_evals.judging.answered import AnsweredRun
from ragent_evals.judging.pairwise import PairJudge, Preference, Winner
from ragent_evals.judging.rating import Met, Standing, standings


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to a question. Who votes is shown neither `left` nor `right`: whose answers they are."""

    case_id: str
    question: str
    left_answer: str
    right_answer: str
    left: str = field(repr=False)
    right: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answers:
    """What configurations say: by name, their answers by case; and the question of each case."""

    questions: Mapping[str, str]
    given: Mapping[str, Mapping[str, str]]


class Arena:
    """Shows pairs and takes votes, which are kept at once. Safe to share between threads."""

    def __init__(self, store: Store, name: str, answers: Answers, *, seed: int = 0) -> None:
        """`name` says which votes belong together; `seed` decides the order and the sides."""
        self._store = store
        self._answers = answers
        self._seed = seed
        self.name = name

    @property
    def pairs(self) -> int:
        """How many pairs one voter can be shown: both have an answer, and not the same."""
        return len(self._open())

    @property
    def same(self) -> int:
        """How many pairs nobody is shown, as both say the same to the letter."""
        return sum(self._text(a, case) == self._text(b, case) for case, a, b in self._both())

    def next_pair(self, voter: str) -> Pair | None:
        """A pair that this voter hasn't voted on; None if there is no more.

        Pairs with the fewest votes come first, in an order and on sides that are random, but always the same
        for this voter and seed.
        """
        with self._store.reading() as connection:
            votes = votes_in(connection, self.name)
        counts = Counter(_key(vote) for vote in votes)
        mine = {_key(vote) for vote in votes if vote.voter == voter}
        left = [key for key in self._open() if key not in mine]
        if not left:
            return None
        case, a, b = min(left, key=lambda key: (counts[key], self._lot(voter, *key)))
        if self._lot(voter, case, a, b, "side")[0] % 2:
            a, b = b, a
        return Pair(case, self._answers.questions[case], self._text(a, case), self._text(b, case), a, b)

    def vote(self, pair: Pair, winner: Winner, voter: str, *, is_human: bool = True) -> None:
        """Keep a vote. Raises EvalError if this voter voted on these two before."""
        a, b = sorted((pair.left, pair.right))
        values = {
            "id": _digest(self.name, voter, pair.case_id, a, b).hex(),
            "arena": self.name,
            "case_id": pair.case_id,
            "question": pair.question,
            "left": pair.left,
            "right": pair.right,
            "left_answer": pair.left_answer,
            "right_answer": pair.right_answer,
            "winner": winner,
            "voter": voter,
            "is_human": is_human,
        }
        with self._store.writing() as connection:
            is_new = add_vote(connection, values)
        if not is_new:
            raise EvalError(f"{voter} voted on these two answers before", hint="a vote counts once")

    def standings(self, *, is_human: bool | None = None) -> list[Standing]:
        """See `standings_of`."""
        return standings_of(self._store, self.name, is_human=is_human)

    def _open(self) -> list[tuple[str, str, str]]:
        return [(case, a, b) for case, a, b in self._both() if self._text(a, case) != self._text(b, case)]

    def _both(self) -> list[tuple[str, str, str]]:
        given = self._answers.given
        return [
            (case, a, b)
            for a, b in combinations(sorted(given), 2)
            for case in self._answers.questions
            if case in given[a] and case in given[b]
        ]

    def _text(self, name: str, case: str) -> str:
        return self._answers.given[name][case].strip()

    def _lot(self, *parts: str) -> bytes:
        return _digest(str(self._seed), *parts)


def arena_of(store: Store, runs: Sequence[AnsweredRun], *, seed: int = 0) -> Arena:
    """The arena of kept runs. Raises EvalError unless they are two or more, over the same cases."""
    if len({run.id for run in runs}) < 2:
        raise EvalError("an arena needs two different runs", hint="`ragent eval runs` lists them")
    if len({run.arena for run in runs}) > 1:
        told = ", ".join(f"{run.name}: {run.arena}" for run in runs)
        raise EvalError(f"these runs are not over the same cases ({told})", hint="run both over one set")
    names = Counter(run.name for run in runs)
    titles = [run.name if names[run.name] == 1 else f"{run.name} ({run.id[:8]})" for run in runs]
    given = {
        title: {one.id: one.answer for one in run.answers} for title, run in zip(titles, runs, strict=True)
    }
    questions = {one.id: one.question for run in runs for one in run.answers}
    return Arena(store, runs[0].arena, Answers(questions, given), seed=seed)


def let_judge_vote(
    arena: Arena, judge: PairJudge, *, least_margin: float, most: int | None, tell: Callable[[int], None]
) -> list[Preference]:
    """Have a judge vote on every pair that it hasn't yet, `most` at most.

    Args:
        arena: where.
        judge: who; it votes under its name.
        least_margin: a preference no clearer than this is a tie, as is one that the order decided.
        most: how many; None: all.
        tell: is told how many are done.

    Returns:
        What it preferred, in order.
    """
    found: list[Preference] = []
    while (most is None or len(found) < most) and (pair := arena.next_pair(judge.judge.name)):
        preference = judge.prefer(pair.question, pair.left_answer, pair.right_answer)
        arena.vote(pair, preference.winner(least_margin), judge.judge.name, is_human=False)
        found.append(preference)
        tell(len(found))
    return found


def standings_of(store: Store, arena: str, *, is_human: bool | None = None) -> list[Standing]:
    """Ratings by the votes of people, of judges, or (None) of all, best first. Raises as `standings` does."""
    with store.reading() as connection:
        votes = votes_in(connection, arena)
    wanted = [vote for vote in votes if is_human is None or vote.is_human == is_human]
    return standings([Met(vote.left, vote.right, vote.winner) for vote in wanted])


def _key(vote: Row[Any]) -> tuple[str, str, str]:
    a, b = sorted((vote.left, vote.right))
    return vote.case_id, a, b


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\x1f".join(parts).encode()).digest()
