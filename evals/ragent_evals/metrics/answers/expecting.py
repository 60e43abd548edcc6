"""What should be said, by the rules of SQuAD 2: to a question without an answer, nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ragent_evals.metrics.measuring import PerCase
from ragent_evals.metrics.metric import Metric
from ragent_evals.metrics.words import normalized, says
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case, Kind, Turn

KINDS: tuple[Kind, ...] = ("answer",)
Likeness = Callable[[str, Sequence[str]], float]
"""How like a text is to the likest of some others, 0 to 1; two empty ones are alike."""


def is_known(asked: Case | Turn) -> bool:
    """Whether it is known what should be said."""
    return asked.is_impossible or bool(asked.answers)


def expected(asked: Case | Turn) -> tuple[str, ...]:
    """The answers that are right, without those that have no words; only silence, "", if there are none."""
    answers = () if asked.is_impossible else asked.answers
    return tuple(each for each in answers if normalized(each)) or ("",)


def said(outcome: Outcome) -> str:
    """The answer, "" where it was withheld or there is none for an error."""
    return "" if outcome.abstained or outcome.error else outcome.text


def is_right(case: Case, outcome: Outcome) -> bool:
    """Whether the answer says a right one, or was rightly withheld. An error is never right."""
    if outcome.error or outcome.abstained or case.is_impossible:
        return outcome.abstained and case.is_impossible and not outcome.error
    return says(outcome.text, case.answers)


def open_likeness(name: str, likeness: Likeness) -> Metric:
    """A metric that compares what is said with what should be."""
    return PerCase(name, KINDS, lambda case, outcome: likeness(said(outcome), expected(case)), is_known)
