"""Chunks of source code: functions and classes as the parser found them, long ones parted by indentation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ragent.chunking.fitting import Fitter, Shape
from ragent.chunking.outline import Region
from ragent.chunking.spans import Span, by_lines, by_sentences, by_words, merged
from ragent.chunking.weights import Weights
from ragent.protocols import Tokenizer
from ragent.types import Chunk, Document

_SMALL = 4
_CLOSERS = (")", "]", "}", "end")
_TAB = 8
_DEEPEST = 40


class CodeChunker:
    """A chunk a function, as far as the target allows.

    Those of less than a quarter of the target join a neighbour of the same class or module. A longer one is
    parted between its statements, the outer ones first, as its indentation shows them: that needs no grammar
    and holds for every language that people indent. Text that isn't code is parted at sentences.
    """

    def __init__(self, tokenizer: Tokenizer, shape: Shape) -> None:
        self._tokenizer = tokenizer
        self._shape = shape

    def chunk(self, document: Document) -> list[Chunk]:
        """In order; every non-blank character is in a chunk."""
        if not document.text.strip():
            return []
        fitter = Fitter(document, self._tokenizer, self._shape)
        size = fitter.size()
        pieces = _pieces(document.text, fitter, size)
        return fitter.chunks(_joined(pieces, fitter.weights, size))


@dataclass(frozen=True, slots=True)
class _Piece:
    """A span with its name, `("Module", "Ledger", "total")`; not `whole` if it is a part of a long one."""

    start: int
    end: int
    name: tuple[str, ...]
    whole: bool


def _pieces(text: str, fitter: Fitter, size: int) -> Iterator[_Piece]:
    for region in fitter.outline.regions:
        name = (*region.path, *(part for part in region.label.split(".") if part))
        parts = list(_parted(text, region, fitter.weights, size))
        for start, end in parts:
            yield _Piece(start, end, name, whole=len(parts) == 1)


def _joined(pieces: Iterator[_Piece], weights: Weights, size: int) -> Iterator[Span]:
    held = next(pieces)
    for piece in pieces:
        small = min(weights.between(held.start, held.end), weights.between(piece.start, piece.end))
        fits = weights.between(held.start, piece.end) <= size
        if fits and small <= size // _SMALL and _related(held, piece):
            held = replace(held, end=piece.end)
        else:
            yield held.start, held.end
            held = piece
    yield held.start, held.end


def _related(left: _Piece, right: _Piece) -> bool:
    """Whether the second belongs to the first, or both to one thing. Parts of a long one stay alone."""
    if not (left.whole and right.whole):
        return False
    return right.name[: len(left.name)] == left.name or left.name[:-1] == right.name[:-1]


def _parted(text: str, region: Region, weights: Weights, size: int) -> Iterator[Span]:
    start, end = region.start, region.end
    if weights.between(start, end) <= size:
        yield start, end
    elif region.kind == "code":
        yield from merged(_statements(text, list(by_lines(text, start, end)), weights, size), weights, size)
    else:
        yield from merged(_flat(text, list(by_sentences(text, start, end)), weights, size), weights, size)


def _statements(text: str, lines: list[Span], weights: Weights, size: int, depth: int = 0) -> Iterator[Span]:
    """The lines in the largest statements that are no heavier than `size`."""
    if weights.between(lines[0][0], lines[-1][1]) <= size:
        yield lines[0][0], lines[-1][1]
        return
    columns = [_indentation(text, start) for start, _ in lines]
    opens = [not text.startswith(_CLOSERS, start) for start, _ in lines]
    outer = min((columns[index] for index in range(1, len(lines)) if opens[index]), default=None)
    if outer is None or depth == _DEEPEST:
        yield from _flat(text, lines, weights, size)
        return
    first = 0
    for index in range(1, len(lines)):
        if opens[index] and columns[index] <= outer:
            yield from _statements(text, lines[first:index], weights, size, depth + 1)
            first = index
    yield from _statements(text, lines[first:], weights, size, depth + 1)


def _flat(text: str, spans: list[Span], weights: Weights, size: int) -> Iterator[Span]:
    for start, end in spans:
        if weights.between(start, end) > size:
            yield from by_words(text, start, end, weights, size)
        else:
            yield start, end


def _indentation(text: str, start: int) -> int:
    """Columns before the line's first character."""
    before = text[text.rfind("\n", 0, start) + 1 : start]
    return len(before.expandtabs(_TAB))
