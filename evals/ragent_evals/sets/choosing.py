"""Chooses cases: halves by article, made-up splits, evenly spread samples."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

import xxhash

from ragent_evals.sets.case import Case, EvalSet, Text

MADE_SPLITS = ("train", "test")
"""What a set that names no splits can be parted into: about half of its groups are in either."""

Each = TypeVar("Each")


def about(case: Case) -> str:
    """The id of the text that a case is about, the first if there are several; "" if none is named.

    Of a question that can't be answered, it is the text that it was asked of.
    """
    named = (*case.relevant, *(each.text_id for each in case.passages), *case.given)
    return named[0] if named else ""


def group_of(case: Case, texts: Mapping[str, Text]) -> str:
    """What must not lie in two splits: the title of the text that a case is about, else its id.

    Of a case that names no text, it is the words of its question.
    """
    id_ = about(case)
    if id_:
        return (texts[id_].title if id_ in texts else "") or id_
    return " ".join(re.findall(r"\w+", case.question.lower()))


def split_of(group: str) -> str:
    """Where a group lies, by its hash: always in the same of `MADE_SPLITS`, whatever else is in the set."""
    return MADE_SPLITS[xxhash.xxh3_64_intdigest(group.encode()) % len(MADE_SPLITS)]


def half_of(of: EvalSet, half: int) -> list[Case]:
    """The cases of every second article by title, from the first (0) or the second (1) on."""
    chosen = set(sorted({text.title for text in of.texts.values()})[half::2])
    return [case for case in of.cases if group_of(case, of.texts) in chosen]


def balanced(cases: Sequence[Case], most: int) -> list[Case]:
    """So many of the cases, half of them answerable where there are enough, each half evenly spread."""
    able = [case for case in cases if not case.is_impossible]
    unable = spread([case for case in cases if case.is_impossible], most // 2)
    return spread(able, most - len(unable)) + unable


def spread(cases: Sequence[Each], most: int) -> list[Each]:
    """So many of the cases at most, evenly spread, always the same."""
    count = min(most, len(cases))
    return [cases[number * len(cases) // count] for number in range(count)]
