"""What stands where in a document: its blocks, each with the headings above it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from ragent.chunking.context import heading_words, join_labels, table_header, with_label
from ragent.chunking.spans import by_paragraphs, trimmed
from ragent.types import Block, BlockKind, Document


@dataclass(frozen=True, slots=True)
class Region:
    """A block, or a paragraph of the text between blocks.

    `path` are the headings it stands under, its own included; `section` is where its innermost heading
    starts. `header` is the first row of a table that has names of columns there.
    """

    kind: BlockKind
    start: int
    end: int
    path: tuple[str, ...]
    section: int
    label: str = ""
    header: str = ""

    def path_at(self, position: int) -> tuple[str, ...]:
        """The path of what begins at a character: below the first row of a table, with its header."""
        return (*self.path, self.header) if self.header and position > self.start else self.path


class Outline:
    """The regions of a document, in order. Every character that isn't white space is in one of them."""

    def __init__(self, document: Document) -> None:
        self.regions = tuple(_regions(document))
        self._starts = [region.start for region in self.regions]

    def at(self, position: int) -> Region:
        """The region that a character stands in."""
        return self.regions[max(bisect_right(self._starts, position) - 1, 0)]

    def path(self, start: int, end: int) -> tuple[str, ...]:
        """The headings common to a span, less the one that it begins with; and the labels in it, joined,
        unless they stand under different headings.
        """
        first = max(bisect_right(self._starts, start) - 1, 0)
        covered = self.regions[first : max(bisect_left(self._starts, end), first + 1)]
        own = covered[0].path
        path = own
        for region in covered:
            while region.path[: len(path)] != path:
                path = path[:-1]
        if covered[0].kind == "heading" and covered[0].start == start and path == own:
            path = path[:-1]
        labelled = [region for region in covered if region.label]
        if path == own:
            path = covered[0].path_at(start)
        together = len({region.path for region in labelled}) == 1
        return with_label(path, join_labels(region.label for region in labelled) if together else "")


def _regions(document: Document) -> Iterator[Region]:
    path: list[tuple[int, str]] = []
    names: tuple[str, ...] = ()
    section = 0
    for block in _blocks(document):
        if block.kind == "heading":
            while path and path[-1][0] >= block.level:
                path.pop()
            path.append((block.level, heading_words(document.text[block.start : block.end])))
            names = tuple(name for _, name in path)
            section = block.start
        # The rows of a sheet have labels, and their header above them as a heading.
        is_whole = block.kind == "table" and not block.label
        header = table_header(document.text[block.start : block.end]) if is_whole else ""
        yield Region(block.kind, block.start, block.end, names, section, block.label, header)


def _blocks(document: Document) -> Iterator[Block]:
    """The blocks, and as paragraphs whatever text lies between them; blank ones left out."""
    position = 0
    for block in document.blocks:
        for span in by_paragraphs(document.text, position, block.start):
            yield Block("paragraph", *span)
        if own := trimmed(document.text, block.start, block.end):
            yield Block(block.kind, *own, block.level, block.label)
        position = max(position, block.end)
    for span in by_paragraphs(document.text, position, len(document.text)):
        yield Block("paragraph", *span)
