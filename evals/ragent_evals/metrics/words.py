"""Compares answers by their words, as the evaluation script of SQuAD does."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

_ARTICLES = frozenset({"a", "an", "the"})
_MARKER = re.compile(r"\s*\[\d+\]")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalized(text: str) -> list[str]:
    """Its words in lower case, without articles, punctuation and markers."""
    text = _MARKER.sub("", text).lower().translate(_NO_PUNCTUATION)
    return [word for word in text.split() if word not in _ARTICLES]


def f1(given: str, expected: Sequence[str]) -> float:
    """SQuAD's token F1 with the likest expected answer, markers such as [1] aside."""
    words = normalized(given)
    return max((_f1(words, normalized(each)) for each in expected), default=0.0)


def is_exact(given: str, expected: Sequence[str]) -> bool:
    """SQuAD's exact match: the same but for case, articles and punctuation."""
    words = normalized(given)
    return any(words == normalized(each) for each in expected)


def _f1(given: Sequence[str], expected: Sequence[str]) -> float:
    common = sum((Counter(given) & Counter(expected)).values())
    return 2 * common / (len(given) + len(expected)) if common else 0.0
