"""What a run of probes says: a row for each level, and what the level costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ragent_evals.comparing.significance import permutation_p
from ragent_evals.estimates import Estimate, interval
from ragent_evals.metrics.answers.expecting import is_right
from ragent_evals.metrics.words import normalized
from ragent_evals.outcome import Outcome
from ragent_evals.probing.material import gold_of
from ragent_evals.probing.probes import copy_of, origin_of
from ragent_evals.sets.case import Case

Tried = tuple[Case, Outcome]


@dataclass(frozen=True, slots=True)
class Row:
    """One level of one probe.

    Attributes:
        probe: which probe.
        level: which level; the first of a probe is what the others are compared with.
        cases: how many.
        right: the share whose answer says a right one or, where no text does, is silence.
        answered: the share that got an answer.
        cited: of the answers, the share that cites the right text; None where there is none to cite.
        found: the share for which the right text was before the model; None likewise.
        both: of the answers, the share that cites the right text and its changed copy, so that the conflict
            shows; None where there is no copy.
        fooled: of the answers, the share that cites the copy and not the right text.
        same: the share whose answer has the words that it has at the first level.
        change: `right` less that of the first level, case by case; None at the first.
        p: how often chance alone would make so large a change; None likewise.
    """

    probe: str
    level: str
    cases: int
    right: Estimate
    answered: Estimate
    cited: Estimate | None
    found: Estimate | None
    both: Estimate | None
    fooled: Estimate | None
    same: Estimate
    change: Estimate | None
    p: float | None


def table(cases: Sequence[Case], outcomes: Sequence[Outcome]) -> list[Row]:
    """The rows of a run of probes, in the order of its cases. Cases that are no probes' are left out."""
    levels: dict[tuple[str, str], dict[str, Tried]] = {}
    for case, outcome in zip(cases, outcomes, strict=True):
        if "probe" in case.slices:
            key = case.slices["probe"], case.slices["level"].partition(": ")[2]
            levels.setdefault(key, {})[origin_of(case)] = case, outcome
    first: dict[str, dict[str, Tried]] = {}
    return [_row(*key, tried, first.setdefault(key[0], tried)) for key, tried in levels.items()]


def _row(probe: str, level: str, tried: dict[str, Tried], first: dict[str, Tried]) -> Row:
    pairs = list(tried.values())
    answers = [(case, outcome) for case, outcome in pairs if _says(outcome)]
    golds = [gold_of(case) for case, _ in answers]
    has_gold = any(gold_of(case) for case, _ in pairs)
    has_copy = any(_copies(case) for case, _ in pairs)
    shared = [name for name in tried if name in first]
    change = np.array([_value(*tried[name]) - _value(*first[name]) for name in shared])
    is_first = tried is first

    def of_answers(holds: Callable[[Case, Outcome, str], bool], applies: bool) -> Estimate | None:
        values = [float(holds(*pair, gold)) for pair, gold in zip(answers, golds, strict=True)]
        return _estimate(values) if applies and values else None

    return Row(
        probe=probe,
        level=level,
        cases=len(pairs),
        right=_estimate([_value(*pair) for pair in pairs]),
        answered=_estimate([float(_says(outcome)) for _, outcome in pairs]),
        cited=of_answers(lambda case, outcome, gold: gold in _cited(outcome), has_gold),
        found=_estimate([float(gold_of(case) in _found(outcome)) for case, outcome in pairs])
        if has_gold
        else None,
        both=of_answers(
            lambda case, outcome, gold: gold in _cited(outcome) and bool(_copies(case) & _cited(outcome)),
            has_copy,
        ),
        fooled=of_answers(
            lambda case, outcome, gold: gold not in _cited(outcome) and bool(_copies(case) & _cited(outcome)),
            has_copy,
        ),
        same=_estimate([float(_words(tried[name][1]) == _words(first[name][1])) for name in shared]),
        change=None if is_first else _estimate(change.tolist()),
        p=None if is_first else round(permutation_p(change), 4),
    )


def _value(case: Case, outcome: Outcome) -> float:
    return float(is_right(case, outcome))


def _says(outcome: Outcome) -> bool:
    return not outcome.abstained and not outcome.error


def _words(outcome: Outcome) -> list[str]:
    return normalized(outcome.text) if _says(outcome) else []


def _cited(outcome: Outcome) -> set[str]:
    return {quote.text_id for quote in outcome.quotes}


def _found(outcome: Outcome) -> set[str]:
    return {found.text_id for found in outcome.found}


def _copies(case: Case) -> set[str]:
    return {text_id for text_id in case.given if text_id == copy_of(case)}


def _estimate(values: Sequence[float]) -> Estimate:
    row = np.array(values, float)[:, None]
    low, high = interval(row)
    return Estimate(*(round(float(each), 4) for each in (row.mean(), low[0], high[0])))
