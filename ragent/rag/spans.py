"""The stretches of a sentence that may be a short answer, and the signs by which one is told from another.

A linear model over such signs was the first baseline of SQuAD (Rajpurkar et al. 2016, arXiv:1606.05250). The
signs here are few and dense: what kind of thing is asked and what the stretch looks like, where it stands
among the question's words, and how near it is in meaning, by the embedder's token vectors.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ragent.rag.asked import Kind
from ragent.rag.terms import Weights, terms
from ragent.words.stopwords import STOP_WORDS

LONGEST = 8
"""Words, at most."""

_WORD = re.compile(r"[^\W_]+(?:['’.,\-–/][^\W_]+)*%?|[$£€]\d[\d.,]*\w*|\S")
_TIMES = frozenset(calendar.month_name[1:]) | frozenset(("AD", "BC", "century", "centuries", "decade"))
_NUMBERS = frozenset(
    (
        *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
        *("thirteen", "fifteen", "twenty", "thirty", "forty", "fifty", "hundred", "thousand", "million"),
        *("billion", "half", "third", "quarter", "dozen"),
    )
)
_ARTICLES = frozenset(("the", "a", "an"))
_STOP = STOP_WORDS | frozenset(("under", "near"))
_YEAR = re.compile(r"1\d{3}|20\d\d")

Look = Literal["date", "number", "name", "mixed", "lower"]
Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Word:
    """A word or mark of a sentence, with the content stems it holds."""

    start: int
    end: int
    text: str
    stems: frozenset[str]

    @property
    def lower(self) -> str:
        return self.text.lower()

    @property
    def is_mark(self) -> bool:
        return not (self.text[0].isalnum() or self.text[0] in "$£€")

    @property
    def is_stop(self) -> bool:
        return self.lower in _STOP


@dataclass(frozen=True, slots=True)
class Span:
    """Words `first` to `last` of a sentence, both included."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Meaning:
    """Unit vectors of a question (all of it, its word that asks, the word after), and of a sentence's words.

    `words` has shape (words, dimension); its rows need not be unit vectors.
    """

    question: Vector
    word: Vector
    matter: Vector
    words: Vector

    def signs(self, span: Span) -> Iterator[tuple[str, float]]:
        """Cosines of the span with the question's vectors."""
        mean = self.words[span.first : span.last + 1].mean(axis=0)
        mean = mean / (float(np.linalg.norm(mean)) + 1e-6)
        yield "like question", float(mean @ self.question)
        yield "like word", float(mean @ self.word)
        yield "like matter", float(mean @ self.matter)


def split_words(sentence: str) -> list[Word]:
    """The words and marks of a sentence, in order."""
    return [Word(*match.span(), match[0], _stems(match[0])) for match in _WORD.finditer(sentence)]


def spans(sentence: str, words: Sequence[Word]) -> Iterator[Span]:
    """Every stretch of up to `LONGEST` words that could be an answer.

    None begins or ends with a function word (an article may begin it) or a mark, goes over the end of a
    clause, or holds half of a pair of brackets or quotation marks.
    """
    for first, word in enumerate(words):
        if word.is_mark or (word.is_stop and word.lower not in _NUMBERS | _ARTICLES):
            continue
        for last in range(first, min(len(words), first + LONGEST)):
            end = words[last]
            if end.text in ";:?!.":
                break
            if end.is_mark or (end.is_stop and end.lower not in _NUMBERS):
                continue
            text = sentence[word.start : end.end]
            if text.count("(") == text.count(")") and text.count('"') % 2 == 0:
                yield Span(first, last)


def signs_of(
    words: Sequence[Word], found: Sequence[Span], wanted: frozenset[str], weights: Weights, kind: Kind
) -> list[dict[str, float]]:
    """The signs of each span that need no vectors, by name; a sign that isn't there is 0.

    Args:
        words: the sentence's.
        found: the spans.
        wanted: stems of the question.
        weights: how much each stem tells.
        kind: what is asked for.
    """
    shared = [weights.of(word.stems & wanted) for word in words]
    total = weights.of(wanted) or 1.0
    return [
        {**_place(words, span, shared, total), **_looks(words[span.first : span.last + 1], kind)}
        | _edges(words, span, kind)
        for span in found
    ]


@lru_cache(maxsize=20_000)
def _stems(word: str) -> frozenset[str]:
    return frozenset() if word.lower() in _STOP else terms(word)


def _place(words: Sequence[Word], span: Span, shared: Sequence[float], total: float) -> dict[str, float]:
    """Where the span stands among the words that the question brought."""
    inside = range(span.first, span.last + 1)
    distances = {
        place: (span.first - place if place < span.first else place - span.last)
        for place, weight in enumerate(shared)
        if weight and place not in inside
    }
    content = sum(bool(words[place].stems) for place in inside)
    repeated = sum(bool(shared[place]) for place in inside)
    return {
        "repeats": repeated / max(1, content),
        "repeats any": float(repeated > 0),
        "proximity": sum(shared[place] / (1 + away) for place, away in distances.items()) / total,
        "nearest": 1 / (1 + min(distances.values(), default=30)),
    }


def _looks(words: Sequence[Word], kind: Kind) -> dict[str, float]:
    look = _look(words)
    length = _length(words)
    return {
        look: 1.0,
        f"{kind}: {look}": 1.0,
        f"{kind}: length": float(length),
        "one word": float(length == 1),
        "two words": float(length == 2),
        "beyond four": float(max(0, length - 4)),
        "begins with article": float(words[0].lower in _ARTICLES),
        "like a verb": float(words[0].lower.endswith("ed") or words[-1].lower.endswith("ed")),
        "like an adverb": float(words[0].lower.endswith("ly")),
    }


def _edges(words: Sequence[Word], span: Span, kind: Kind) -> dict[str, float]:
    signs: dict[str, float] = {}
    if span.first:
        before = words[span.first - 1]
        signs["after function word"] = float(before.is_stop)
        signs["after content"] = float(not before.is_mark and not before.is_stop)
        if before.lower in _ARTICLES and span.first > 1:
            before = words[span.first - 2]
        signs[f"{kind}: after {before.lower}"] = 1.0
    if span.last + 1 < len(words):
        after = words[span.last + 1]
        signs["before mark"] = float(after.is_mark)
        signs["before content"] = float(not after.is_mark and not after.is_stop)
    else:
        signs["before mark"] = 1.0
    return signs


def _length(words: Sequence[Word]) -> int:
    return sum(not word.is_mark and word.lower not in _ARTICLES for word in words)


def _look(words: Sequence[Word]) -> Look:
    said = [word for word in words if not word.is_mark and word.lower not in _ARTICLES]
    if any(_YEAR.fullmatch(word.text) or word.text in _TIMES for word in said):
        return "date"
    if any(word.lower in _NUMBERS or any(c.isdigit() for c in word.text) for word in said):
        return "number"
    capitals = sum(word.text[0].isupper() for word in said)
    if capitals == len(said):
        return "name"
    return "mixed" if capitals else "lower"
