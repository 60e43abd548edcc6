"""From the lines of PDF pages to headings and paragraphs, by position and size.

Plain heuristics over one line at a time: cheap enough for hundreds of pages a second.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from ragent.types import BlockKind
from ragent_connectors.parsers.pdf_table import Cell, TextLine, table_text, unfolded

_LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st", "\u00a0": " "}
)
_ITEM = re.compile(r"([•◦▪●○■–—*-]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s+\S")
_SENTENCE_END = (".", "!", "?", ":", ";", "。", "！", "？", '."', ".”", ".)")
HYPHEN = "\u00ad"
"""Ends a line whose last word may go on in the next."""
_HYPHENS = (HYPHEN, "-", "\u2010")
_HEADING_SCALE = 1.15
_HEADING_LENGTH = 200
_FULL_LINE = 0.8
_BOLD_LINES = 2
_BOLD_SHARE = 0.25
CELL_GAP = 0.9
"""A gap this wide, in heights of the font, parts two cells."""
_MARKER = re.compile(r"[\W_]|\(?[\dA-Za-z]{1,2}(\.\d{1,2}){0,3}[.)]?")


@dataclass(frozen=True, slots=True)
class Style:
    """Heading levels by font size; and the level of bold lines of the body's size, 0 where they are none."""

    levels: dict[float, int]
    bold: int = 0


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """A bookmark: index of its page (from 0), depth (from 1) and title."""

    page: int
    level: int
    title: str


@dataclass(frozen=True, slots=True)
class PageBlock:
    """A block of text of one page."""

    kind: BlockKind
    text: str
    level: int = 0


def page_blocks(
    pages: Sequence[Sequence[TextLine]], outline: Sequence[OutlineEntry]
) -> Iterator[list[PageBlock]]:
    """The blocks of each page. Headings are the bookmarked ones; without any, what is set in larger type."""
    pages = [unfolded(_visual_lines(lines)) for lines in pages]
    marked = [_marked(lines, [e for e in outline if e.page == page]) for page, lines in enumerate(pages)]
    style = Style({}) if any(marked) else _usual_style(pages)
    for lines, headings in zip(pages, marked, strict=True):
        yield _blocks(lines, headings, style)


def _visual_lines(pieces: Sequence[TextLine]) -> list[TextLine]:
    """Joins what PDFium splits at a raised or lowered character (footnote marks, indices)."""
    lines: list[TextLine] = []
    for piece in pieces:
        last = lines[-1] if lines else None
        overlap = min(last.top, piece.top) - max(last.bottom, piece.bottom) if last else 0.0
        if last and overlap > 0.2 * min(last.size, piece.size) and piece.left >= last.right - 1:
            gap = " " if piece.left - last.right > 0.15 * max(last.size, piece.size) else ""
            tall = max(last, piece, key=lambda line: line.size)
            cells = _side_by_side(last, piece, gap)
            bold = last.bold and piece.bold
            text = last.text + gap + piece.text
            lines[-1] = TextLine(text, last.left, piece.right, tall.bottom, tall.top, cells, bold)
        else:
            lines.append(piece)
    return lines


def _side_by_side(last: TextLine, piece: TextLine, gap: str) -> tuple[Cell, ...]:
    """The cells of two pieces of one line."""
    left, right = last.whole, piece.whole
    if piece.left - last.right > CELL_GAP * max(last.size, piece.size):
        return (*left, *right)
    middle = Cell(left[-1].text + gap + right[0].text, left[-1].left, right[0].right)
    cells = (*left[:-1], middle, *right[1:])
    return cells if len(cells) > 1 else ()


def _is_row(line: TextLine) -> bool:
    """Whether a line has the gaps of a table's row; the one behind a number or a bullet is none."""
    return len(line.cells) > 2 or (len(line.cells) == 2 and not _MARKER.fullmatch(line.cells[0].text))


def _blocks(lines: Sequence[TextLine], headings: dict[int, tuple[int, int]], style: Style) -> list[PageBlock]:
    """`headings` maps the first line of a bookmarked heading to the line after it and its level."""
    blocks: list[PageBlock] = []
    pitch = _pitch(lines)
    index = 0
    while index < len(lines):
        if index in headings:
            end, level = headings[index]
            blocks.append(PageBlock("heading", _joined(lines[index:end]).replace("\n", " "), level))
        else:
            end = index + 1
            while (
                end < len(lines)
                and end not in headings
                and not _breaks(lines[index:end], lines[end], pitch, style)
            ):
                end += 1
            blocks.append(_block(lines[index:end], style))
        index = end
    return blocks


def _block(lines: Sequence[TextLine], style: Style) -> PageBlock:
    level = style.levels.get(lines[0].size, 0)
    if len(lines) > 1 and all(map(_is_row, lines)):
        text = table_text(lines).translate(_LIGATURES)
        return PageBlock("table" if " | " in text else "list", text)
    text = _joined(lines)
    if not level and all(line.bold and not _is_row(line) for line in lines):
        short = len(lines) <= _BOLD_LINES and not text.endswith((".", ",", ";"))
        level = style.bold if short else 0
    if level and len(text) <= _HEADING_LENGTH and any(c.isalpha() for c in text):
        return PageBlock("heading", text.replace("\n", " "), level)
    return PageBlock("list" if _ITEM.match(text) else "paragraph", text)


def _breaks(before: Sequence[TextLine], line: TextLine, pitch: float, style: Style) -> bool:
    """Whether a new block begins at `line`, after the lines of the current one."""
    last = before[-1]
    step = last.bottom - line.bottom
    if _is_row(last) and _is_row(line):  # the header may be larger
        return step > 2.2 * pitch
    if abs(last.size - line.size) > 0.1 * max(last.size, line.size) or _is_row(last) != _is_row(line):
        return True
    if style.bold and last.bold != line.bold:
        return True
    return bool(_ITEM.match(line.text)) or _new_paragraph(before, line, step, pitch)


def _new_paragraph(before: Sequence[TextLine], line: TextLine, step: float, pitch: float) -> bool:
    last = before[-1]
    ends = last.text.endswith(_SENTENCE_END)
    if step < -0.5 * pitch:  # the next column
        return ends or not line.text[0].islower()
    if pitch and step > 1.4 * pitch:
        return True
    if not ends:
        return False
    indented = len(before) > 1 and line.left - last.left > 0.7 * line.size
    after_item = bool(_ITEM.match(before[0].text)) and line.left < before[0].left + 0.3 * line.size
    return indented or after_item or last.right < max(b.right for b in before) - 8 * line.size


def _joined(lines: Sequence[TextLine]) -> str:
    """Lines as flowing text; short ones (verse, addresses, rows of a table) keep their line ends."""
    parts: list[str] = []
    left, right = min(line.left for line in lines), max(line.right for line in lines)
    for index, line in enumerate(lines):
        text = line.text.translate(_LIGATURES)
        following = lines[index + 1].text if index + 1 < len(lines) else ""
        if following and text.endswith(_HYPHENS) and text[-2:-1].isalnum() and following[0].isalnum():
            broken = text[-2].isalpha() and following[0].islower()
            parts.append(text[:-1] if broken else text[:-1] + "-")
            continue
        full = line.right - left >= _FULL_LINE * (right - left)
        flows = full or not following or following[0].islower()
        parts.append(text.replace(HYPHEN, "-") + (" " if flows else "\n"))
    return "".join(parts).strip()


def _pitch(lines: Sequence[TextLine]) -> float:
    """The usual distance between two baselines."""
    steps = [a.bottom - b.bottom for a, b in pairwise(lines)]
    positive = [step for step in steps if step > 1]
    return median(positive) if positive else 0.0


def _usual_style(pages: Sequence[Sequence[TextLine]]) -> Style:
    levels = _size_levels(pages)
    letters = sum(len(line.text) for lines in pages for line in lines)
    bold = sum(len(line.text) for lines in pages for line in lines if line.bold)
    return Style(levels, min(max(levels.values(), default=0) + 1, 6) if bold < _BOLD_SHARE * letters else 0)


def _size_levels(pages: Sequence[Sequence[TextLine]]) -> dict[float, int]:
    """Font sizes clearly above the body's, largest first, as heading levels 1 to 6."""
    letters: Counter[float] = Counter()
    for lines in pages:
        for line in lines:
            letters[line.size] += len(line.text)
    if not letters:
        return {}
    body = letters.most_common(1)[0][0]
    larger = sorted((size for size in letters if size > body * _HEADING_SCALE), reverse=True)
    return {size: min(level, 6) for level, size in enumerate(larger, 1)}


def _marked(lines: Sequence[TextLine], entries: Sequence[OutlineEntry]) -> dict[int, tuple[int, int]]:
    """Where the titles of bookmarks stand among a page's lines: first line to (end line, level)."""
    found: dict[int, tuple[int, int]] = {}
    if not entries:
        return found
    keys = [_key(line.text) for line in lines]
    for entry in entries:
        title = _key(entry.title)
        place = title and _place(keys, title, found)
        if place:
            found[place[0]] = (place[1], entry.level)
    return found


def _place(keys: Sequence[str], title: str, taken: dict[int, tuple[int, int]]) -> tuple[int, int] | None:
    """Lines that together are the title; the first may begin with its number."""
    for first in (index for index, key in enumerate(keys) if not key.isdecimal()):
        joined = ""
        for end in range(first + 1, min(first + 4, len(keys) + 1)):
            joined += keys[end - 1]
            if joined.endswith(title) and (joined == title or joined.removesuffix(title).isdecimal()):
                if first not in taken:
                    return first, end
                break
            if len(joined) > len(title) + 8:
                break
    return None


def _key(text: str) -> str:
    return "".join(c for c in text.translate(_LIGATURES).casefold() if c.isalnum())
