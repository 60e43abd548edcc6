"""Builds a document's text and its blocks together, so that the spans can't disagree with the text."""

from __future__ import annotations

from collections.abc import Iterable

from ragent.types import Block, BlockKind
from ragent_connectors.parsers.decoding import clean


class TextWriter:
    """Collects blocks of text, one blank line between two of them."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._blocks: list[Block] = []

    def add(self, kind: BlockKind, text: str, level: int = 0, label: str = "") -> None:
        """Append a block; blank text is left out. `level` is a heading's depth, 1 at the top."""
        text = clean(text).strip("\n").rstrip()
        if kind != "code":
            text = text.lstrip()
        if not text:
            return
        if self._parts:
            self._parts.append("\n\n")
            self._length += 2
        self._parts.append(text)
        self._blocks.append(Block(kind, self._length, self._length + len(text), level, label))
        self._length += len(text)

    def extend(self, text: str, blocks: Iterable[Block]) -> None:
        """Append the blocks of another text."""
        for block in blocks:
            self.add(block.kind, text[block.start : block.end], block.level, block.label)

    @property
    def length(self) -> int:
        """Characters written so far."""
        return self._length

    @property
    def text(self) -> str:
        return "".join(self._parts)

    @property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(self._blocks)

    def first_heading(self) -> str | None:
        """The text of the first heading."""
        text = self.text
        return next((text[b.start : b.end] for b in self._blocks if b.kind == "heading"), None)
