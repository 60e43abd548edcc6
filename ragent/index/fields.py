"""Conditions on fields that a query may hold: `title:budget`, `heading:"open issues"`."""

from __future__ import annotations

import re
from dataclasses import dataclass

FIELDS = ("title", "heading")
_CONDITION = re.compile(rf'(?<!\S)({"|".join(FIELDS)}):(?:"([^"]+)"|([^\s"]+))')


@dataclass(frozen=True, slots=True)
class FieldCondition:
    """All words of `text` stand in the title or among the headings; `is_phrase`: one after the other."""

    field: str
    text: str
    is_phrase: bool


def conditions_of(query: str) -> tuple[str, tuple[FieldCondition, ...]]:
    """The query as it is ranked by, without the names of fields, and its conditions on fields."""
    found = [
        FieldCondition(field, phrase or word, bool(phrase))
        for field, phrase, word in _CONDITION.findall(query)
    ]
    return _CONDITION.sub(lambda match: match[2] or match[3], query), tuple(found)
