"""What each turn of a conversation is worth."""

from __future__ import annotations

from itertools import zip_longest

from ragent_evals.metrics.answers.expecting import expected, is_known, said
from ragent_evals.metrics.words import f1
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case, Kind

KINDS: tuple[Kind, ...] = ("turns",)


def turn_values(case: Case, outcome: Outcome) -> list[float | None]:
    """SQuAD's F1 of each turn; 0 for one that came to an error or to nothing, None where it has no answer."""
    taken = outcome.turns[: len(case.turns)]
    return [
        None if not is_known(turn) else 0.0 if came is None or came.error else f1(said(came), expected(turn))
        for turn, came in zip_longest(case.turns, taken)
    ]
