"""The smallest pieces that chunks are packed from: blocks, and the parts of blocks that are too long."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise

import numpy as np

from ragent.chunking.context import heading_words, join_labels
from ragent.chunking.sentences import split_sentences
from ragent.types import Block, BlockKind, Document

_LONG_TOKEN = 40
_CHARS_PER_TOKEN = 4
_BY_LINE: tuple[BlockKind, ...] = ("list", "table", "code")
_PARAGRAPH_END = re.compile(r"\n[ \t\r\f\v]*+\n")


class Seam(Enum):
    """What lies between a piece and the one before it."""

    SECTION = "section"
    BLOCK = "block"
    LINE = "line"
    SENTENCE = "sentence"
    WORD = "word"


@dataclass(frozen=True, slots=True)
class Atom:
    """A piece that stays whole. `path` are the headings it stands under, its own included."""

    start: int
    end: int
    path: tuple[str, ...]
    seam: Seam
    heading: bool = False
    label: str = ""


class Weights:
    """How many tokens lie between two characters, from one tokenisation of the whole text.

    A token that is followed by no other for more than 40 characters counts as one for every four of them:
    WordPiece reads a long run such as base64 as a single unknown token, which must not let a passage grow
    without bound.
    """

    def __init__(self, offsets: Sequence[tuple[int, int]], length: int) -> None:
        starts = np.maximum.accumulate(np.fromiter((start for start, _ in offsets), np.int64, len(offsets)))
        spans = np.diff(starts, append=length)
        parts = np.where(spans > _LONG_TOKEN, spans // _CHARS_PER_TOKEN, 1)
        first = np.repeat(np.cumsum(parts) - parts, parts)
        within = np.arange(len(first)) - first
        self._starts: list[int] = (np.repeat(starts, parts) + _CHARS_PER_TOKEN * within).tolist()

    def before(self, position: int) -> int:
        """Weight of the tokens that begin before a character."""
        return bisect_left(self._starts, position)

    def between(self, start: int, end: int) -> int:
        """Weight of the tokens that begin in `[start, end)`."""
        return self.before(end) - self.before(start)

    def reach(self, start: int, limit: int) -> int | None:
        """The character at which a piece from `start` grows over `limit`; None where it never does."""
        index = self.before(start) + limit
        return self._starts[index] if index < len(self._starts) else None


def atoms(document: Document, weights: Weights, whole: int, grain: int) -> list[Atom]:
    """Every non-blank character of the document in pieces; a block heavier than `whole` is split.

    Neighbours of one section that are lighter than `grain` are put together, which bounds the work of
    packing and costs no good place to part.
    """
    found: list[Atom] = []
    path: list[tuple[int, str]] = []
    for block in _regions(document):
        if block.kind == "heading":
            while path and path[-1][0] >= block.level:
                path.pop()
            path.append((block.level, heading_words(document.text[block.start : block.end])))
        names = tuple(name for _, name in path)
        seam = Seam.SECTION if block.kind == "heading" else Seam.BLOCK
        for start, end, inner in split(document.text, block, weights, whole):
            atom = Atom(start, end, names, inner or seam, block.kind == "heading", block.label)
            last = found[-1] if found else None
            if last and _belong_together(last, atom) and weights.between(last.start, end) <= grain:
                found[-1] = replace(last, end=end, label=join_labels([last.label, atom.label]))
            else:
                found.append(atom)
    return found


def _belong_together(left: Atom, right: Atom) -> bool:
    return right.seam is not Seam.SECTION and not left.heading and left.path == right.path


def split(text: str, block: Block, weights: Weights, limit: int) -> Iterator[tuple[int, int, Seam | None]]:
    """A block whole if it is no heavier than `limit`, else at lines or sentences, then words, then anywhere.

    Yields trimmed spans with the seam before each; None before the first.
    """
    if weights.between(block.start, block.end) <= limit:
        yield block.start, block.end, None
        return
    inner: Seam | None = None
    seam = Seam.LINE if block.kind in _BY_LINE else Seam.SENTENCE
    part = text[block.start : block.end]
    spans = _line_spans(part) if seam is Seam.LINE else split_sentences(part)
    for first, last in spans:
        start, end = block.start + first, block.start + last
        if weights.between(start, end) > limit:
            for piece in _by_words(text, start, end, weights, limit):
                yield *piece, inner
                inner = Seam.WORD
        else:
            yield start, end, inner
        inner = seam
        # A sentence that ends its line is the better place to part: the author began a new line there.
        if seam is Seam.SENTENCE and text[end : end + 1] == "\n":
            inner = Seam.LINE


def _by_words(text: str, start: int, end: int, weights: Weights, limit: int) -> Iterator[tuple[int, int]]:
    """Even parts cut at white space; inside a word only where it alone is too heavy."""
    parts = -(-weights.between(start, end) // limit)
    size = -(-weights.between(start, end) // parts)
    while start < end:
        stop = weights.reach(start, size)
        if stop is None or stop >= end:
            stop = end
        else:
            stop = max(stop, start + 1)  # several tokens may begin at one character
            space = _last_space(text, start, stop)
            stop = space if space > start else stop
        span = trimmed(text, start, stop)
        if span:
            yield span
        start = stop


def trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The span without white space around it; None if there is nothing else."""
    part = text[start:end]
    first = start + len(part) - len(part.lstrip())
    last = start + len(part.rstrip())
    return (first, last) if last > first else None


def _last_space(text: str, start: int, end: int) -> int:
    """Where white space before `end` begins, or `start` if there is none."""
    if text[end : end + 1].isspace() or text[end - 1].isspace():
        return end
    cut = end
    while cut > start and not text[cut - 1].isspace():
        cut -= 1
    return cut


def _regions(document: Document) -> Iterator[Block]:
    """The blocks, and as paragraphs whatever text lies between them; blank ones left out."""
    position = 0
    for block in document.blocks:
        yield from _paragraphs(document.text, position, block.start)
        if span := trimmed(document.text, block.start, block.end):
            yield Block(block.kind, *span, block.level, block.label)
        position = max(position, block.end)
    yield from _paragraphs(document.text, position, len(document.text))


def _paragraphs(text: str, start: int, end: int) -> Iterator[Block]:
    cuts = [start, *(match.end() for match in _PARAGRAPH_END.finditer(text, start, end)), end]
    for first, last in pairwise(cuts):
        if span := trimmed(text, first, last):
            yield Block("paragraph", *span)


def _line_spans(part: str) -> Iterator[tuple[int, int]]:
    start = 0
    for line in part.split("\n"):
        if span := trimmed(part, start, start + len(line)):
            yield span
        start += len(line) + 1
