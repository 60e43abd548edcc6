"""Content words of a text, stemmed: what answers, questions and sources are compared by."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable
from functools import cache

from ragent.words.analysis import make_analyzer, prepare

_NEGATION = re.compile(
    r"\b(?:not|no|never|cannot|neither|nor|none|nothing|nobody|without)\b|n['’]t\b", re.IGNORECASE
)

_analyzer = cache(make_analyzer)


def terms(text: str) -> frozenset[str]:
    """The distinct stems of a text, without stop words."""
    return frozenset(_analyzer().analyze(prepare(text)))


def numbers(text_terms: Iterable[str]) -> frozenset[str]:
    """Those terms that hold a digit: an answer may not change a number, however alike the rest is."""
    return frozenset(term for term in text_terms if any(c.isdigit() for c in term))


def denies(text: str) -> bool:
    """Whether a text holds a word that turns its meaning round."""
    return bool(_NEGATION.search(text))


class Weights:
    """Inverse document frequencies over some texts. A term in none of them weighs the most."""

    def __init__(self, texts: Collection[frozenset[str]]) -> None:
        self._count = len(texts)
        self._frequency = Counter(term for text in texts for term in text)

    def of(self, some: Iterable[str]) -> float:
        """The summed weight of some terms."""
        return sum(math.log1p(self._count / (0.5 + self._frequency[term])) for term in some)

    def coverage(self, wanted: frozenset[str], found: frozenset[str]) -> float:
        """The share, 0 to 1, of the weight of `wanted` that `found` covers; 1 when nothing is wanted."""
        total = self.of(wanted)
        return self.of(wanted & found) / total if total else 1.0
