"""Tells kinds of queries apart, because words and meaning don't count the same in each."""

from __future__ import annotations

import re

from ragent.types import QueryKind

_PHRASE = re.compile(r'"[^"]*\w\s+\w[^"]*"')
_CODE = re.compile(
    r"\w\(\)|[a-z]{2}[A-Z][a-z]|\w_\w|\w::\w|\b[A-Z]+-\d{3,}\b|\b0x[0-9a-f]+\b|[a-z_]{3}\.[a-z_]{3}"
)
_QUESTION = re.compile(
    r"\?\s*$|^\s*(?:who|whom|whose|what|when|where|why|which|how|is|are|was|were|do|does|did|can|could|"
    r"should|would|will|may|has|have|had)\b",
    re.IGNORECASE,
)
_FEW_WORDS = 3


def kind_of(query: str) -> QueryKind:
    """The first of these that fits.

    `phrase` holds quoted words; `code` an identifier or the like (`readFile`, `max_tokens`, `E-1042`);
    `question` ends in a question mark or begins like one; `short` is of at most three words; all else, such
    as a claim, is a `statement`.
    """
    if _PHRASE.search(query):
        return "phrase"
    if _CODE.search(query):
        return "code"
    if _QUESTION.search(query):
        return "question"
    return "short" if len(query.split()) <= _FEW_WORDS else "statement"
