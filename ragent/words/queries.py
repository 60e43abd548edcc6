"""The words and quoted phrases of queries, as BM25 looks them up."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import lru_cache

from ragent.protocols import Vectors
from ragent.words.analysis import make_analyzer, prepare

_QUERIES = 64
_PHRASE = re.compile(r'"([^"]+)"')


class QueryWords:
    """Reads queries; a query is never parsed: its words are looked up, whatever characters it holds."""

    def __init__(self) -> None:
        self.analyzer = make_analyzer()
        # A search asks for the words of its query again and again.
        self.of = lru_cache(_QUERIES)(lambda query: tuple(self.read(query)))

    def read(self, text: str) -> list[str]:
        """The keywords of a text, in order, each as often as it stands there."""
        words: list[str] = self.analyzer.analyze(prepare(text))
        return words

    def phrases(self, query: str) -> list[list[str]]:
        """The words of each quoted part of more than one word."""
        quoted = (self.read(part) for part in _PHRASE.findall(query))
        return [words for words in quoted if len(words) > 1]

    def contributions(self, query: str, score: Callable[[str], Vectors]) -> dict[str, Vectors]:
        """What each word and quoted phrase of the query adds to the scores that `score` gives chunks."""
        found = {
            word: score(" ".join([word] * count)) for word, count in Counter(self._written(query)).items()
        }
        for phrase in _PHRASE.findall(query):
            quoted = f'"{phrase}"'
            found[quoted] = score(quoted) - score(phrase)
        return {word: scores for word, scores in found.items() if scores.any()}

    def _written(self, query: str) -> list[str]:
        """The words as they stand in the query, its stop words left out."""
        return [word for word in prepare(query).replace('"', " ").split() if self.analyzer.analyze(word)]
