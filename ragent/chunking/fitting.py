"""From spans to chunks: their context, their overlap, their page, and the limit of the embedder."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol
from urllib.parse import unquote, urlsplit

from ragent.chunking.atoms import split
from ragent.chunking.context import Contexts, embedding_text, with_label
from ragent.chunking.outline import Outline
from ragent.chunking.spans import Span, by_lines, by_sentences, trimmed
from ragent.chunking.weights import Weights
from ragent.errors import ConfigError
from ragent.protocols import Tokenizer
from ragent.types import Block, Chunk, Document

_LEAST = 32
_PATH_PARTS = 3
_WORD = re.compile(r"(?<=\s)\S")
_Placed = tuple[int, int, str]


class Place(Protocol):
    """What says where a span stands: a region, or an atom."""

    @property
    def path(self) -> tuple[str, ...]: ...

    @property
    def label(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Shape:
    """What chunks are to be like, in tokens of the embedder's own tokenizer.

    Attributes:
        max_tokens: The most of a chunk, its context included; at least 32.
        target_tokens: What a chunk should have; small chunks are precise, large ones complete.
        overlap: The most of the text before it that a chunk repeats; at most half of `target_tokens`.
        context: Whether title, heading path and label are embedded with each chunk.
        file_path: Whether the last three parts of the file's path are a part of that context.

    Raises:
        ConfigError: a number is impossible.
    """

    max_tokens: int
    target_tokens: int = 180
    overlap: int = 0
    context: bool = True
    file_path: bool = False

    def __post_init__(self) -> None:
        if self.max_tokens < _LEAST:
            raise ConfigError(f"max_tokens is {self.max_tokens}", hint=f"[chunking] needs at least {_LEAST}")
        if self.overlap > self.target_tokens // 2:
            raise ConfigError(
                f"overlap is {self.overlap}, and target_tokens {self.target_tokens}",
                hint="[chunking] overlap may be half of target_tokens at most",
            )

    @property
    def target(self) -> int:
        """What a chunk should have under this limit."""
        return min(self.target_tokens, self.max_tokens * 4 // 5)

    @property
    def repeated(self) -> int:
        """The overlap under this limit."""
        return min(self.overlap, self.target // 2)

    @property
    def longest_context(self) -> int:
        """The most tokens of a context."""
        return self.max_tokens // 4 if self.context or self.file_path else 0


class Fitter:
    """Makes chunks out of the spans of one document."""

    def __init__(self, document: Document, tokenizer: Tokenizer, shape: Shape) -> None:
        self.document = document
        self.outline = Outline(document)
        self.weights = Weights(tokenizer.offsets(document.text), len(document.text))
        self._tokenizer = tokenizer
        self._shape = shape
        title = document.title if shape.context else ""
        place = _place(document.uri) if shape.file_path else ""
        self._contexts = Contexts(title, tokenizer, shape.longest_context, place=place)
        self._pages = [page.start for page in document.pages]

    def rooms(self, places: Iterable[Place]) -> list[int]:
        """For each place the most tokens of a span that begins there, what it repeats not counted."""
        paths = [with_label(place.path, place.label) if self._shape.context else () for place in places]
        self._contexts.prepare(paths)
        most = self._shape.max_tokens - self._shape.repeated
        return [max(most - self._contexts.tokens(path), 1) for path in paths]

    def size(self) -> int:
        """What a span should have, and the most that fits wherever it is; what it repeats not counted."""
        return min(self._shape.target - self._shape.repeated, *self.rooms(self.outline.regions))

    def chunks(self, spans: Iterable[Span]) -> list[Chunk]:
        """A chunk a span, in order, each counted as it will be embedded.

        What is over the limit after all (tokens of a part don't always add up to those of the whole) is split
        until it fits.
        """
        text = self.document.text
        chunks: list[Chunk] = []
        pending = [(start, end, self._context(start, end)) for start, end in self._overlapping(spans)]
        while pending:
            joined = [embedding_text(context, text[start:end]) for start, end, context in pending]
            over: list[_Placed] = []
            for placed, tokens in zip(pending, self._tokenizer.count(joined), strict=True):
                start, end, context = placed
                if tokens > self._shape.max_tokens:
                    over += self._halved(placed)
                else:
                    chunks.append(Chunk(start, end, text[start:end], context, tokens, self._page(start)))
            pending = over
        return sorted(chunks, key=lambda chunk: chunk.start)

    def _context(self, start: int, end: int) -> str:
        return self._contexts.text(self.outline.path(start, end) if self._shape.context else ())

    def _page(self, start: int) -> int | None:
        pages = self.document.pages
        return pages[max(bisect_right(self._pages, start) - 1, 0)].number if pages else None

    def _overlapping(self, spans: Iterable[Span]) -> list[Span]:
        """The spans, each begun earlier: at a sentence or line where one begins within the overlap, else at a
        word. None reaches over a heading or beyond where the one before it begins.
        """
        found = list(spans)
        if not self._shape.repeated:
            return found
        firsts = [start for start, _ in found[:1]]
        for (before, _), (start, _) in pairwise(found):
            firsts.append(self._earlier(max(before, self.outline.at(start).section), start))
        text = self.document.text
        repeated = self._tokenizer.count(
            [text[first:start] for first, (start, _) in zip(firsts, found, strict=True)]
        )
        # A part of a monstrous word may have more tokens alone than within the whole.
        return [
            (first if tokens <= self._shape.repeated else start, end)
            for first, tokens, (start, end) in zip(firsts, repeated, found, strict=True)
        ]

    def _earlier(self, floor: int, start: int) -> int:
        text = self.document.text
        reach = self.weights.back(start, self._shape.repeated)
        pieces = (*by_sentences(text, floor, start), *by_lines(text, floor, start))
        seams = [first for first, _ in pieces if first >= reach and first > floor]
        if seams:
            return min(seams)
        word = _WORD.search(text, max(reach, floor + 1), start)
        return word.start() if word else start

    def _halved(self, placed: _Placed) -> list[_Placed]:
        """Two parts, cut at the seam nearest to the middle. A lone character gives up its context instead."""
        start, end, context = placed
        text, weights = self.document.text, self.weights
        if end - start == 1:
            if not context:
                raise ConfigError("one character has more tokens than a chunk may", hint="raise max_tokens")
            return [(start, end, "")]
        weight = weights.between(start, end)
        parts = split(text, Block("paragraph", start, end), weights, max(1, weight // 2))
        middle = weights.before(start) + weight / 2
        inner = [first for first, _, _ in parts][1:]
        cut = min(inner, key=lambda first: abs(weights.before(first) - middle), default=(start + end) // 2)
        halves = (trimmed(text, start, cut), trimmed(text, cut, end))
        return [(*half, context) for half in halves if half]


def _place(uri: str) -> str:
    """The last three parts of a file's path: what folder it is in often says what it is about."""
    return "/".join(unquote(urlsplit(uri).path).strip("/").split("/")[-_PATH_PARTS:])
