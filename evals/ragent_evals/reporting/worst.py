"""The cases that went worst, with all that is needed to see why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ragent_evals.outcome import Found, Outcome, Quoted
from ragent_evals.running.kept import KeptRun
from ragent_evals.sets.case import Case, Passage

_PASSAGES = 5
_WITHOUT_SUPPORT = -1.0


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a passage: `is_quoted` by the answer, and `is_expected` by the set."""

    text: str
    is_quoted: bool
    is_expected: bool


@dataclass(frozen=True, slots=True)
class ShownPassage:
    """A passage that was found, in parts that make up its text; without any where its words are gone."""

    rank: int
    text_id: str
    page: int | None
    start: int
    end: int
    score: float
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class WorstCase:
    """A case, what should have come of it, and what did."""

    case_id: str
    question: str
    expected: tuple[str, ...]
    is_impossible: bool
    value: float
    values: Mapping[str, float | None]
    answer: str
    abstained: bool
    support: float | None
    error: str
    seconds: float
    trace_id: str
    quotes: tuple[Quoted, ...]
    passages: tuple[ShownPassage, ...]
    passages_more: int


def worst_cases(run: KeptRun, metric: str, most: int) -> tuple[WorstCase, ...]:
    """The worst by a metric, worst first; of equals, those that ragent was surest of."""
    sign = -1 if metric in run.lower_is_better else 1
    ranked = sorted(
        (sign * value, -_support(run.outcomes[at]), run.cases[at].id, at)
        for at, value in enumerate(run.values.get(metric, ()))
        if value is not None
    )
    return tuple(_worst(run, at, sign * value) for value, _, _, at in ranked[:most])


def parts_of(found: Found, quotes: Sequence[Quoted], expected: Sequence[Passage]) -> tuple[Part, ...]:
    """The text of a passage, cut wherever a quote or an expected passage begins or ends."""
    length = len(found.text)
    quoted = [_within(quote.start - found.start, quote.end - found.start, length) for quote in quotes]
    wanted = [_within(*stretch, length) for one in expected for stretch in _stretches(found, one)]
    cuts = sorted({0, length, *(cut for stretch in (*quoted, *wanted) for cut in stretch)})
    return tuple(
        Part(found.text[start:end], _covers(quoted, start), _covers(wanted, start))
        for start, end in pairwise(cuts)
    )


def _worst(run: KeptRun, at: int, value: float) -> WorstCase:
    case, outcome = run.cases[at], run.outcomes[at]
    return WorstCase(
        case_id=case.id,
        question=case.question,
        expected=case.answers,
        is_impossible=case.is_impossible,
        value=value,
        values={name: values[at] for name, values in run.values.items()},
        answer=outcome.text,
        abstained=outcome.abstained,
        support=outcome.support,
        error=outcome.error,
        seconds=outcome.cost.seconds,
        trace_id=outcome.trace_id,
        quotes=outcome.quotes,
        passages=tuple(_shown(case, outcome, rank) for rank in range(len(outcome.found[:_PASSAGES]))),
        passages_more=max(0, len(outcome.found) - _PASSAGES),
    )


def _shown(case: Case, outcome: Outcome, rank: int) -> ShownPassage:
    found = outcome.found[rank]
    quotes = [one for one in outcome.quotes if one.text_id == found.text_id]
    expected = [one for one in case.passages if one.text_id == found.text_id]
    return ShownPassage(
        rank=rank + 1,
        text_id=found.text_id,
        page=found.page,
        start=found.start,
        end=found.end,
        score=found.score,
        parts=parts_of(found, quotes, expected),
    )


def _stretches(found: Found, expected: Passage) -> Iterator[tuple[int, int]]:
    if expected.start is not None and expected.end is not None:
        yield expected.start - found.start, expected.end - found.start
    elif expected.quote and (at := found.text.find(expected.quote)) >= 0:
        yield at, at + len(expected.quote)


def _within(start: int, end: int, length: int) -> tuple[int, int]:
    return min(max(start, 0), length), min(max(end, 0), length)


def _covers(stretches: Sequence[tuple[int, int]], place: int) -> bool:
    return any(start <= place < end for start, end in stretches)


def _support(outcome: Outcome) -> float:
    return _WITHOUT_SUPPORT if outcome.support is None else outcome.support
