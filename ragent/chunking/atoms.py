"""The smallest pieces that chunks are packed from: blocks, and the parts of blocks that are too long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from ragent.chunking.context import join_labels
from ragent.chunking.outline import Outline, Region
from ragent.chunking.spans import by_lines, by_sentences, by_words
from ragent.chunking.weights import Weights
from ragent.types import Block, BlockKind

_BY_LINE: tuple[BlockKind, ...] = ("list", "table", "code")


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


def atoms(text: str, outline: Outline, weights: Weights, whole: int, grain: int) -> list[Atom]:
    """Every non-blank character of the document in pieces; a block heavier than `whole` is split.

    Neighbours of one section that are lighter than `grain` are put together, which bounds the work of
    packing and costs no good place to part.
    """
    found: list[Atom] = []
    for region in outline.regions:
        heading = region.kind == "heading"
        seam = Seam.SECTION if heading else Seam.BLOCK
        for start, end, inner in split(text, region, weights, whole):
            atom = Atom(start, end, region.path_at(start), inner or seam, heading, region.label)
            last = found[-1] if found else None
            if last and _belong_together(last, atom) and weights.between(last.start, end) <= grain:
                found[-1] = replace(last, end=end, label=join_labels([last.label, atom.label]))
            else:
                found.append(atom)
    return found


def _belong_together(left: Atom, right: Atom) -> bool:
    return right.seam is not Seam.SECTION and not left.heading and left.path == right.path


def split(
    text: str, block: Block | Region, weights: Weights, limit: int
) -> Iterator[tuple[int, int, Seam | None]]:
    """A block whole if it is no heavier than `limit`, else at lines or sentences, then words, then anywhere.

    Yields trimmed spans with the seam before each; None before the first.
    """
    if weights.between(block.start, block.end) <= limit:
        yield block.start, block.end, None
        return
    inner: Seam | None = None
    seam = Seam.LINE if block.kind in _BY_LINE else Seam.SENTENCE
    cut = by_lines if seam is Seam.LINE else by_sentences
    for start, end in cut(text, block.start, block.end):
        if weights.between(start, end) > limit:
            for piece in by_words(text, start, end, weights, limit):
                yield *piece, inner
                inner = Seam.WORD
        else:
            yield start, end, inner
        inner = seam
        # A sentence that ends its line is the better place to part: the author began a new line there.
        if seam is Seam.SENTENCE and text[end : end + 1] == "\n":
            inner = Seam.LINE
