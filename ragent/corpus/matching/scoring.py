"""Candidate pairs in, links out: how probable each is, and which fields agree and differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ragent.corpus.matching.features import Likeness, compare
from ragent.corpus.matching.mixture import Verdicts, judge_pairs
from ragent.corpus.matching.tables import Record

Pair = tuple[int, int]
"""A row of the left table and one of the right, counted from 0."""


@dataclass(frozen=True, slots=True)
class Field:
    """How alike a field is (None where a side is empty), and what that adds to the log-odds of a match."""

    name: str
    left: str
    right: str
    alike: float | None
    weight: float


@dataclass(frozen=True, slots=True)
class Link:
    """A candidate pair. `matched`: more probable than the threshold, and no better candidate in its way."""

    left: int
    right: int
    probability: float
    matched: bool
    fields: tuple[Field, ...]


def score_pairs(
    lefts: Sequence[Record], rights: Sequence[Record], pairs: Sequence[Pair], threshold: float = 0.5
) -> list[Link]:
    """How probable it is that each pair is of the same thing, in the order of `pairs`. No label is needed.

    Args:
        lefts: The rows of the one table.
        rights: Those of the other; columns of the same name are compared, and all of both as one text.
        pairs: The candidates, from both tables' indexes say. All are looked at together: what a match looks
            like is learned from them.
        threshold: The probability above which an unrivalled pair is a match.
    """
    if not pairs:
        return []
    likeness = compare(lefts, rights, pairs)
    verdicts = judge_pairs(likeness)
    return [
        Link(
            left,
            right,
            round(float(verdicts.probability[row]), 4),
            bool(verdicts.unrivalled[row] and verdicts.probability[row] > threshold),
            _fields(likeness, verdicts, row, (lefts[left], rights[right])),
        )
        for row, (left, right) in enumerate(pairs)
    ]


def _fields(
    likeness: Likeness, verdicts: Verdicts, row: int, records: tuple[Record, Record]
) -> tuple[Field, ...]:
    left, right = records
    return tuple(
        Field(
            field.name,
            left.get(field.name, ""),
            right.get(field.name, ""),
            None if field.missing[row] else round(float(field.alike[row]), 3),
            round(float(weights[row]), 3),
        )
        for field, weights in zip(likeness.fields, verdicts.weights, strict=True)
    )
