"""Compares answers by their words, as the evaluation script of SQuAD 2 does."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_MARKER = re.compile(r"\s*\[\d+\]")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ENOUGH_F1 = 0.5


def normalized(text: str) -> list[str]:
    """Its words in lower case, without articles, punctuation and markers."""
    text = _MARKER.sub("", text).lower().translate(_NO_PUNCTUATION)
    return _ARTICLES.sub(" ", text).split()


def f1(given: str, expected: Sequence[str]) -> float:
    """SQuAD's token F1 with the likest expected answer, markers such as [1] aside.

    Two answers without any words are alike; one without is unlike one with.
    """
    words = normalized(given)
    return max((_f1(words, normalized(each)) for each in expected), default=0.0)


def is_exact(given: str, expected: Sequence[str]) -> bool:
    """SQuAD's exact match: the same but for case, articles and punctuation."""
    words = normalized(given)
    return any(words == normalized(each) for each in expected)


def says(given: str, expected: Sequence[str]) -> bool:
    """Whether an answer says an expected one, as it stands or with a token F1 of at least 0.5."""
    said = f" {' '.join(normalized(given))} "
    wanted = [f" {' '.join(words)} " for each in expected if (words := normalized(each))]
    return any(each in said for each in wanted) or f1(given, expected) >= _ENOUGH_F1


def _f1(given: Sequence[str], expected: Sequence[str]) -> float:
    if not given or not expected:
        return float(given == expected)
    common = sum((Counter(given) & Counter(expected)).values())
    return 2 * common / (len(given) + len(expected))
