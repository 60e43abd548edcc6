"""The sentences of a collection that may be asked about, and where each stands."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragent.chunking import split_sentences
from ragent.store import Store
from ragent.words.stopwords import STOP_WORDS

_FEWEST_WORDS, _MOST_WORDS = 6, 40
_LIST_MARK = re.compile(r"(?:[-*•–]|\d{1,2}[.)])\s+")
_NOT_PROSE = re.compile(r"[|{}<>=]|--|``|\*\*|: *$|\.\.|\b[a-z]+_[a-z_]+\b|\n\s*\n|(?<!No)\. [A-Z]")
_SMALL = re.compile(r"(?<![\w.])[a-z][\w'’-]*")
_NAME = re.compile(r"(?<=[a-z,;] )[A-Z][\w'’-]*")
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a document: `document.text[start:end]`, and the same on one line.

    Attributes:
        uri: of the document.
        title: of the document.
        start: in the document's text.
        end: likewise.
        text: with a single space between words.
        raw: as it stands there.
        opens_small: whether its first word has its capital for opening it: it is no name.
    """

    uri: str
    title: str
    start: int
    end: int
    text: str
    raw: str
    opens_small: bool = True

    def find(self, words: str) -> tuple[int, int] | None:
        """The span, in the document, of a stretch of `text`."""
        at = self.text.find(words)
        if at < 0:
            return None
        return self._place(at), self._place(at + len(words) - 1) + 1

    def _place(self, at: int) -> int:
        spans = [match.span() for match in _WORD.finditer(self.raw)]
        starts, flat = [], 0
        for first, last in spans:
            starts.append(flat)
            flat += last - first + 1
        word = bisect_right(starts, at) - 1
        return self.start + spans[word][0] + at - starts[word]


def read_sentences(store: Store, collection_id: int) -> list[Sentence]:
    """The whole sentences of running text, of all documents of a collection, in the order of their addresses.

    Headings, rows of tables, code and fragments are left out: a question needs a statement.
    """
    known = {document.id for document in store.known_documents(collection_id).values()}
    texts = sorted(parts for id_, parts in store.document_texts() if id_ in known)
    small = frozenset(word for _, _, text in texts for word in _SMALL.findall(text))
    names = frozenset(word for _, _, text in texts for word in _NAME.findall(text))
    names = frozenset(name for name in names if name.lower() not in small)
    return [sentence for uri, title, text in texts for sentence in sentences_of(uri, title, text, names)]


def sentences_of(uri: str, title: str, text: str, names: frozenset[str]) -> Iterator[Sentence]:
    """Those of one document, in order; `names`: the words that the documents never write small."""
    for start, end in split_sentences(text):
        mark = _LIST_MARK.match(text, start, end)
        start = mark.end() if mark else start
        raw = text[start:end]
        if _is_statement(raw):
            first, second = raw.split()[:2]
            is_name = first in names or second[0].isdigit() or second[:2].istitle() or first[:2].isupper()
            opens_small = first.lower() in STOP_WORDS or not is_name
            yield Sentence(uri, title, start, end, " ".join(raw.split()), raw, opens_small)


def _is_statement(raw: str) -> bool:
    words = raw.split()
    return (
        _FEWEST_WORDS <= len(words) <= _MOST_WORDS
        and raw[0].isupper()
        and raw[-1] == "."
        and not _NOT_PROSE.search(raw)
        and raw.count("(") == raw.count(")")
    )


def passage_of(sentence: Sentence, chunks: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """The one of these spans of the sentence's document that holds all of it, the shortest if several do."""
    holding = [(start, end) for start, end in chunks if start <= sentence.start and sentence.end <= end]
    return min(holding, key=lambda span: span[1] - span[0], default=None)
