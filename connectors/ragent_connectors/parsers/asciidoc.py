"""AsciiDoc. The text is the file's own, so citations open at the right place.

A light scanner after the AsciiDoc language documentation ("Sections", "Delimited Blocks", "Lists", "Tables").
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from ragent.types import Block, BlockKind, Document, RawDocument
from ragent_connectors.parsers.decoding import decode, is_binary
from ragent_connectors.parsers.lines import Line, split_lines
from ragent_connectors.parsers.titles import choose_title

_SUFFIXES = (".adoc", ".asciidoc", ".asc")
_HEADING = re.compile(r"(={1,6}|#{1,6})[ \t]+(\S.*)")
_ATTRIBUTE = re.compile(r":(!?[\w-]+!?):(?:[ \t]+(.*))?")
_FENCE = re.compile(r"(-{4,}|\.{4,}|={4,}|\*{4,}|_{4,}|\+{4,}|/{4,}|--|```\w*|[|,:!]={3,})")
_CODE_FENCES = ("-", ".", "+", "`", "/")
_LIST_ITEM = re.compile(r"(?:\*{1,5}|-|\.{1,5}|\d{1,3}\.|<\d+>)[ \t]+\S|\S.*?:{2,4}(?:[ \t]|$)")
_META = re.compile(r"\[[^\]]*\]|\.[^\s.].*|//(?!//).*|ifdef::.*|ifndef::.*|endif::.*")


class AsciidocParser:
    """Files named like AsciiDoc."""

    def accepts(self, raw: RawDocument) -> float:
        return 0.6 if raw.name.lower().endswith(_SUFFIXES) and not is_binary(raw.data) else 0.0

    def parse(self, raw: RawDocument) -> Document:
        text = decode(raw)
        lines = split_lines(text)
        blocks = _Scanner(lines).scan()
        first = next((text[b.start : b.end] for b in blocks if b.kind == "heading"), "")
        metadata = _attributes(lines)
        return Document(
            uri=raw.uri,
            title=choose_title(raw, (first.strip("=# \t"), metadata.get("title"))),
            text=text,
            media_type="text/asciidoc",
            blocks=tuple(blocks),
            metadata=metadata,
        )


class _Scanner:
    """One pass over the lines, block after block."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines
        self._blocks: list[Block] = []
        self._fences: dict[str, list[int]] = {}
        for index, line in enumerate(lines):
            if _FENCE.fullmatch(line.text):
                self._fences.setdefault(line.text, []).append(index)

    def scan(self) -> list[Block]:
        index = 0
        while index < len(self._lines):
            index = self._next(index) if self._text(index) else index + 1
        return self._blocks

    def _next(self, index: int) -> int:
        """Add the block that begins at a line that isn't blank; gives the line after it."""
        text = self._text(index)
        if heading := _HEADING.fullmatch(text):
            # `=` alone is the document's title; what a book calls a part has the same depth.
            return self._add("heading", index, index + 1, len(heading[1]))
        if fence := _FENCE.fullmatch(text):
            return self._delimited(index, fence[1])
        if _ATTRIBUTE.fullmatch(text) or _META.fullmatch(text):
            return index + 1
        if _LIST_ITEM.match(text.lstrip()):
            return self._list(index)
        if self._lines[index].indent:
            return self._add("code", index, self._run(index))
        return self._add("paragraph", index, self._run(index))

    def _delimited(self, index: int, fence: str) -> int:
        """A block between two equal lines. What examples, sidebars and open blocks hold is read as usual."""
        closing = "```" if fence.startswith("```") else fence
        if fence == "--" or fence[0] in "=*":
            return index + 1
        end = self._closing(index, closing)
        if end == index:
            return self._add("paragraph", index, self._run(index))
        if fence.startswith("////"):
            return end + 1
        kind: BlockKind = "quote" if fence[0] == "_" else "code" if fence[0] in _CODE_FENCES else "table"
        return self._add(kind, index + 1, end) + 1

    def _list(self, index: int) -> int:
        """Items with what is attached to them by `+`; a blank line ends it unless an item follows."""
        end = index + 1
        while end < len(self._lines):
            text = self._text(end)
            follows = _LIST_ITEM.match(text.lstrip()) is not None
            if self._text(end - 1) == "+" and (fence := _FENCE.fullmatch(text)):
                end = self._closing(end, fence[1])
            elif _is_border(text) or (text and not self._text(end - 1) and not follows):
                break
            end += 1
        return self._add("list", index, end)

    def _closing(self, index: int, fence: str) -> int:
        """The line that closes a fence, or the fence's own if none does."""
        places = self._fences.get(fence, [])
        after = bisect_right(places, index)
        return places[after] if after < len(places) else index

    def _run(self, index: int) -> int:
        end = index + 1
        while end < len(self._lines) and self._text(end) and not _FENCE.fullmatch(self._text(end)):
            end += 1
        return end

    def _add(self, kind: BlockKind, first: int, end: int, level: int = 0) -> int:
        last = end - 1
        while last > first and not self._text(last):
            last -= 1
        while first < last and not self._text(first):
            first += 1
        if last >= first and self._text(first):
            self._blocks.append(Block(kind, self._lines[first].start, self._lines[last].end, level))
        return end

    def _text(self, index: int) -> str:
        return self._lines[index].text


def _is_border(text: str) -> bool:
    return _HEADING.fullmatch(text) is not None or _FENCE.fullmatch(text) is not None


def _attributes(lines: Sequence[Line]) -> dict[str, str]:
    """The document's attributes, from its header: up to the first blank line after the title."""
    found: dict[str, str] = {}
    for line in lines:
        if not line.text and found:
            break
        match = _ATTRIBUTE.fullmatch(line.text)
        if match and match[2]:
            found[match[1]] = match[2].strip()
    return found
