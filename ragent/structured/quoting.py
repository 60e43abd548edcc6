"""An answer format whose quotes are verbatim by construction.

Inside a quote, words of one passage may follow one another only as they do there (llguidance's
`substring_chunks`, a suffix automaton over its words), so every quote resolves to an exact span. Each quote
comes before the statement that rests on it: a small model says what it has just read::

    > The crane lifts 40 tonnes.
    It lifts 40 tonnes.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragent.structured.constraining import FormConstraint, constrain
from ragent.structured.forms import target_of
from ragent.types import Form

_WORD = re.compile(r"\S+")
_PIECE = re.compile(r"\w+|\W")
_PAIR = re.compile(r"^> (?P<quote>.+)\n(?P<statement>.+)$", re.MULTILINE)
_LONGEST_STATEMENT = 300


@dataclass(frozen=True, slots=True)
class Quoted:
    """A statement and the quote it rests on: `passages[passage][start:end]`."""

    statement: str
    passage: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class QuoteFormat:
    """The format over some passages."""

    constraint: FormConstraint
    _passages: tuple[_Flat, ...]

    def read(self, text: str) -> list[Quoted]:
        """The statements of an answer, in order; a pair that the token limit cut is left out."""
        return [quoted for match in _PAIR.finditer(text) for quoted in self._resolved(match)][:MOST_PAIRS]

    def _resolved(self, match: re.Match[str]) -> Iterator[Quoted]:
        for number, passage in enumerate(self._passages):
            if span := passage.find(match["quote"]):
                yield Quoted(match["statement"].strip(), number, *span)
                return


MOST_PAIRS = 3


def quote_format(passages: Sequence[str], *, penalty: float = 1.0) -> QuoteFormat:
    """The format for answers from some passages, at least one of them not blank.

    Raises:
        SchemaError: the passages are too long for the engine.
    """
    flat = tuple(_Flat.of(passage) for passage in passages)
    pieces = [json.dumps(_PIECE.findall(passage.text)) for passage in flat if passage.text]
    sources = [f'%regex {{"substring_chunks": {piece}}}' for piece in pieces]
    names = [f"PASSAGE{number}" for number in range(len(sources))]
    grammar = [
        f"start: pair{{1,{MOST_PAIRS}}}",
        'pair: "> " QUOTE "\\n" STATEMENT "\\n"',
        f"QUOTE: ({' | '.join(names)}) & /[^ ]((?s:.)*[^ ])?/",
        f"STATEMENT: /[^\\n> ][^\\n]{{0,{_LONGEST_STATEMENT}}}/",
        *(f"{name}: {source}" for name, source in zip(names, sources, strict=True)),
    ]
    constraint = constrain(target_of(Form("grammar", "\n".join(grammar))), penalty=penalty)
    return QuoteFormat(constraint, flat)


@dataclass(frozen=True, slots=True)
class _Flat:
    """A passage on one line, with a single space between words, and where each word stood."""

    text: str
    words: tuple[tuple[int, int], ...]
    starts: tuple[int, ...]

    @classmethod
    def of(cls, passage: str) -> _Flat:
        words = tuple(match.span() for match in _WORD.finditer(passage))
        pieces = [passage[start:end] for start, end in words]
        starts, at = [], 0
        for piece in pieces:
            starts.append(at)
            at += len(piece) + 1
        return cls(" ".join(pieces), words, tuple(starts))

    def find(self, quote: str) -> tuple[int, int] | None:
        """The span, in the passage itself, of a stretch of the flat text."""
        at = self.text.find(quote)
        if at < 0:
            return None
        return self._original(at), self._original(at + len(quote) - 1) + 1

    def _original(self, at: int) -> int:
        word = bisect_right(self.starts, at) - 1
        return self.words[word][0] + at - self.starts[word]
