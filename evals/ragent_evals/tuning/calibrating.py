"""The threshold of support below which `ask` abstains, calibrated so that few questions get a wrong answer.

Conformal risk control (Angelopoulos et al. 2022, arXiv:2208.02814): a question's loss is 1 if it got a wrong
answer and 0 if a right one or none, so it can only fall as the threshold rises. Over n questions with mean
loss R, the lowest threshold with (n R + 1) / (n + 1) <= error keeps the expected loss of a further question
of the same kind at `error` or below, whatever the scores are worth. They decide how many are answered.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ragent.errors import EvalError
from ragent.rag import Rag
from ragent.types import Answer
from ragent_evals.metrics.words import says
from ragent_evals.sets.case import Case

_STEP = 1e-4


@dataclass(frozen=True, slots=True)
class Judged:
    """The support of an answer, and whether the answer was right; support 0 where there was none."""

    support: float
    is_right: bool


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A threshold, and what it does on the questions that it was calibrated on.

    Attributes:
        threshold: answers with less support are withheld.
        answered: the share of all questions that are answered.
        wrong: the share of all questions that get a wrong answer, which the calibration bounds.
        wrong_of_answered: the share of answers that are wrong, which it does not bound.
    """

    threshold: float
    answered: float
    wrong: float
    wrong_of_answered: float


def judge(rag: Rag, cases: Sequence[Case], on_progress: Callable[[int], None]) -> list[Judged]:
    """Ask every question. `rag` should not withhold any answer itself: `[ask] abstain_below` 0."""
    judged = []
    for number, case in enumerate(cases, 1):
        answer = rag.ask(case.question)
        judged.append(Judged(0.0 if answer.abstained else answer.support, is_right(answer, case)))
        on_progress(number)
    return judged


def is_right(answer: Answer, case: Case) -> bool:
    """Whether an answer says an expected one, as it stands or with a token F1 of at least 0.5."""
    return not answer.abstained and says(answer.text, case.answers)


def calibrate(judged: Sequence[Judged], error: float) -> Calibrated:
    """The lowest threshold that keeps the share of questions answered wrongly at `error` or below.

    Raises:
        EvalError: there are too few questions for such an error, or only silence would do.
    """
    count = len(judged)
    allowed = math.floor(error * (count + 1) - 1 + 1e-9)
    if allowed < 0:
        raise EvalError(
            f"{count} questions are too few to promise an error of {error:g}",
            hint=f"at least {math.ceil(1 / error - 1 - 1e-9)} are needed, and some hundred make it useful",
        )
    wrong = sorted((one.support for one in judged if one.support and not one.is_right), reverse=True)
    threshold = round(wrong[allowed] + _STEP, 4) if len(wrong) > allowed else 0.0
    answered = [one for one in judged if one.support and one.support >= threshold]
    if not answered:
        raise EvalError(
            f"only silence keeps an error of {error:g}: no answer has more support than the wrong ones",
            hint="allow a larger --error, or try another --style",
        )
    mistakes = sum(not one.is_right for one in answered)
    return Calibrated(threshold, len(answered) / count, mistakes / count, mistakes / len(answered))
