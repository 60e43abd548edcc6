"""Copies of a text that say another answer than it does: another number, or another case's name or words."""

from __future__ import annotations

import re
from collections.abc import Sequence

import xxhash

from ragent_evals.metrics.words import normalized
from ragent_evals.sets.case import Case, Text

_NUMBER = re.compile(r"\d[\d,.]*")
_NAME = re.compile(r"[A-Z]")


def changed_answer(case: Case, cases: Sequence[Case]) -> str | None:
    """Another answer of the same kind, always the same one; None if there is none.

    A number becomes another number of as many digits; a name, or other words, those of another case of the
    set, as near in length as there are.
    """
    answer = case.answers[0]
    if _NUMBER.search(answer):
        return _NUMBER.sub(_shifted, answer)
    words = set(normalized(answer))
    likely = [
        other.answers[0]
        for other in cases
        if other.answers
        and _kind(other.answers[0]) == _kind(answer)
        and not words & set(normalized(other.answers[0]))
    ]
    if not likely:
        return None
    return min(likely, key=lambda one: (abs(len(one.split()) - len(answer.split())), _chance(case.id + one)))


def changed_text(text: Text, case: Case, other: str) -> Text | None:
    """The text with every mention of the case's answers changed; None where it mentions none of them."""
    spoken = "|".join(re.escape(answer) for answer in sorted(case.answers, key=len, reverse=True))
    changed, count = re.subn(rf"(?<!\w)(?:{spoken})(?!\w)", lambda _: other, text.text)
    return Text(text.title, changed) if count else None


def _shifted(number: re.Match[str]) -> str:
    """The last digit that isn't followed by another, three on: 1066 is 1069, and 9 is 2."""
    digits = number[0]
    last = max(place for place, each in enumerate(digits) if each.isdigit())
    return digits[:last] + str((int(digits[last]) + 3) % 10) + digits[last + 1 :]


def _kind(answer: str) -> str:
    if _NUMBER.search(answer):
        return "number"
    return "name" if _NAME.match(answer) else "words"


def _chance(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode())
