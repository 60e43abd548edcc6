"""The words and quoted phrases of queries, as BM25 looks them up."""

from __future__ import annotations

import re
from functools import lru_cache

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
        return self.analyzer.analyze(prepare(text))

    def phrases(self, query: str) -> list[list[str]]:
        """The words of each quoted part of more than one word."""
        quoted = (self.read(part) for part in _PHRASE.findall(query))
        return [words for words in quoted if len(words) > 1]

    def quoted(self, query: str) -> list[str]:
        """What stands between quotation marks."""
        return _PHRASE.findall(query)

    def written(self, query: str) -> list[str]:
        """The words as they stand in the query, its stop words left out."""
        return [word for word in prepare(query).replace('"', " ").split() if self.analyzer.analyze(word)]
