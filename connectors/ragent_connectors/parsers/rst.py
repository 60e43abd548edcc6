"""reStructuredText. The text is the file's own, so citations open at the right place.

A light scanner of sections and blocks after the docutils reStructuredText specification ("Sections",
"Literal Blocks", "Tables"): a full parse would fail on every directive that only Sphinx knows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragent.types import Block, BlockKind, Document, RawDocument
from ragent_connectors.parsers.decoding import decode, is_binary
from ragent_connectors.parsers.lines import Line, blank_after, split_lines
from ragent_connectors.parsers.titles import choose_title

_SUFFIXES = (".rst", ".rest")
_ADORNMENT = re.compile(r"([!-/:-@\[-`{-~])\1*")
_LIST_ITEM = re.compile(r"([-*+•]|#\.|\(?[0-9a-zA-Z]{1,3}[.)])\s+\S")
_CODE_DIRECTIVE = re.compile(r"\.\. (code|code-block|sourcecode|highlight|parsed-literal|testcode|doctest)::")
_SIMPLE_TABLE = re.compile(r"=+( +=+)+")
_HEADER_FIELD = re.compile(r"([A-Z][A-Za-z-]*):\s*(.*)")


class RstParser:
    """Files named like reStructuredText."""

    def accepts(self, raw: RawDocument) -> float:
        return 0.6 if raw.name.lower().endswith(_SUFFIXES) and not is_binary(raw.data) else 0.0

    def parse(self, raw: RawDocument) -> Document:
        text = decode(raw)
        lines = split_lines(text)
        metadata = _header(lines)
        blocks = _Scanner(lines).scan()
        first = next((text[b.start : b.end] for b in blocks if b.kind == "heading"), None)
        return Document(
            uri=raw.uri,
            title=choose_title(raw, (metadata.get("title"), _heading_text(first))),
            text=text,
            media_type="text/x-rst",
            blocks=tuple(blocks),
            metadata=metadata,
        )


class _Scanner:
    """One pass over the lines, block after block."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines
        self._blocks: list[Block] = []
        self._styles: list[str] = []

    def scan(self) -> list[Block]:
        index = 0
        while index < len(self._lines):
            index = self._next(index) if self._lines[index].text else index + 1
        return self._blocks

    def _next(self, index: int) -> int:
        """Add the block that begins at a line that isn't blank; gives the line after it."""
        line = self._lines[index]
        if style := self._section_style(index):
            return self._heading(index, style)
        if _is_adornment(line.text) and len(line.text) >= 4:
            return index + 1  # a transition
        if line.text.lstrip().startswith("+-") or _SIMPLE_TABLE.fullmatch(line.text.strip()):
            return self._table(index)
        if _LIST_ITEM.match(line.text.lstrip()):
            return self._list(index)
        return self._code(index) or self._paragraph(index)

    def _section_style(self, index: int) -> str:
        """The adornment of a title that begins at this line: `=` underlined, `==` overlined too; or ""."""
        first, second, third = (self._text(index + offset) for offset in range(3))
        if _is_adornment(first):
            over = second and third == first and len(first) >= min(len(second.strip()), 4)
            return first[0] * 2 if over and not _is_adornment(second) else ""
        titled = second and _is_adornment(second) and not first[0].isspace()
        return second[0] if titled and len(second) >= min(len(first), 4) else ""

    def _code(self, index: int) -> int:
        """A code directive with its body, or a doctest; 0 if this line begins neither."""
        line = self._lines[index]
        if _CODE_DIRECTIVE.match(line.text.lstrip()):
            return self._add("code", index, self._indented_after(index + 1, line.indent))
        if line.text.lstrip().startswith(">>> "):
            return self._add("code", index, blank_after(self._lines, index))
        return 0

    def _heading(self, index: int, style: str) -> int:
        if style not in self._styles:
            self._styles.append(style)
        return self._add("heading", index, index + 1 + len(style), self._styles.index(style) + 1)

    def _table(self, index: int) -> int:
        """A grid table ends at a blank line, a simple one at its third border or a border before one."""
        end = index + 1
        if self._text(index).lstrip().startswith("+-"):
            return self._add("table", index, blank_after(self._lines, end))
        while end < len(self._lines):
            border = bool(_SIMPLE_TABLE.fullmatch(self._text(end).strip()))
            if border and not self._text(end + 1):
                return self._add("table", index, end + 1)
            end += 1
        return self._paragraph(index)

    def _list(self, index: int) -> int:
        """Items of one depth, with what is indented under them."""
        indent = self._lines[index].indent
        end = index + 1
        while end < len(self._lines):
            line = self._lines[end]
            after = self._lines[end - 1].text == ""
            if line.text and line.indent <= indent and (line.indent < indent or after):
                item = line.indent == indent and _LIST_ITEM.match(line.text.lstrip())
                if not item or self._section_style(end):
                    break
            end += 1
        return self._add("list", index, end)

    def _paragraph(self, index: int) -> int:
        end = index + 1
        while end < len(self._lines) and self._text(end) and not self._section_style(end):
            end += 1
        after = self._add("paragraph", index, end)
        if self._text(end - 1).endswith("::") and not self._text(index).lstrip().startswith(".. "):
            code_end = self._indented_after(end, self._lines[index].indent)
            if code_end > end:
                return self._add("code", end, code_end)
        return after

    def _indented_after(self, index: int, indent: int) -> int:
        """End of the blank and deeper lines from `index` on."""
        while index < len(self._lines) and (not self._text(index) or self._lines[index].indent > indent):
            index += 1
        return index

    def _add(self, kind: BlockKind, first: int, end: int, level: int = 0) -> int:
        last = end - 1
        while last > first and not self._text(last):
            last -= 1
        while first < last and not self._text(first):
            first += 1
        if self._text(first):
            self._blocks.append(Block(kind, self._lines[first].start, self._lines[last].end, level))
        return end

    def _text(self, index: int) -> str:
        return self._lines[index].text if index < len(self._lines) else ""


def _is_adornment(text: str) -> bool:
    return len(text) >= 2 and _ADORNMENT.fullmatch(text) is not None


def _heading_text(source: str | None) -> str | None:
    titles = (line.strip() for line in (source or "").split("\n"))
    return next((title.replace("`", "") for title in titles if title and not _is_adornment(title)), None)


def _header(lines: Sequence[Line]) -> dict[str, str]:
    """The fields of an RFC 822 header that opens the file, as every PEP has; names in lower case."""
    fields: dict[str, str] = {}
    key = ""
    for line in lines[: blank_after(lines, 0)]:
        match = _HEADER_FIELD.fullmatch(line.text)
        if match:
            key = match[1].lower()
            fields[key] = match[2].strip()
        elif key and line.indent:
            fields[key] += " " + line.text.strip()
        else:
            return {}
    return fields
