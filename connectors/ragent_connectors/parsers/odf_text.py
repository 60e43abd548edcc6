"""The text of OpenDocument files: headings, paragraphs, lists and tables in their order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ragent_connectors.parsers.archives import attribute, local_name
from ragent_connectors.parsers.writer import TextWriter

if TYPE_CHECKING:
    from lxml.etree import _Element

_PRESENTATION = "{urn:oasis:names:tc:opendocument:xmlns:presentation:1.0}"
# What is no part of the text: deleted words, remarks, indexes made from headings, forms, drawing data.
_LEFT_OUT = {
    *("tracked-changes", "annotation", "annotation-end", "forms", "sequence-decls", "variable-decls"),
    *("table-of-content", "alphabetical-index", "illustration-index", "table-index", "event-listeners"),
    *("desc", "title", "user-field-decls"),
}
_MAX_SPACES = 1000


class TextWalker:
    """Writes the blocks under an element."""

    def __init__(self, writer: TextWriter) -> None:
        self._writer = writer
        self._label = ""

    def walk(self, parent: _Element) -> None:
        """Write everything under `parent`."""
        for element in parent:
            name = local_name(element)
            if name == "h":
                level = attribute(element.attrib, "outline-level")
                depth = int(level) if level.isdecimal() else 1
                self._writer.add("heading", _flat(element), min(max(depth, 1), 9))
                self._floating(element)
            elif name == "p":
                self._writer.add("paragraph", paragraph_text(element), label=self._label)
                self._floating(element)
            elif name == "list":
                self._writer.add("list", "\n".join(_items(element, 0)), label=self._label)
            elif name == "table":
                self._writer.add("table", "\n".join(_rows(element)))
            elif name not in _LEFT_OUT:
                self.walk(element)

    def walk_slide(self, slide: _Element) -> None:
        """Write the title of a slide as a heading, its other shapes, then its notes."""
        shapes = list(slide)
        titles = [shape for shape in shapes if shape.get(_PRESENTATION + "class") == "title"]
        for title in titles:
            words = " ".join(_flat(p) for p in title.iter() if local_name(p) in ("p", "h"))
            self._writer.add("heading", words, 1)
        notes = [shape for shape in shapes if shape.tag == _PRESENTATION + "notes"]
        for shape in shapes:
            if shape not in titles and shape not in notes:
                self.walk_shape(shape)
        self._label = "notes"
        for note in notes:
            self.walk_shape(note)
        self._label = ""

    def walk_shape(self, shape: _Element) -> None:
        """Write one shape of a slide, unless it stands on every slide or is empty."""
        if shape.get(_PRESENTATION + "placeholder") != "true" and local_name(shape) not in _LEFT_OUT:
            self.walk(shape)

    def _floating(self, paragraph: _Element) -> None:
        """Write the text boxes and notes that hang on a paragraph."""
        for element in _anchored(paragraph):
            self.walk(element)


def paragraph_text(paragraph: _Element) -> str:
    """A paragraph as it is read: white space is one blank, tabs and line ends are elements of their own."""
    parts: list[str] = []
    _collect(paragraph, parts)
    return "".join(parts).strip()


def _collect(element: _Element, parts: list[str]) -> None:
    if element.text:
        parts.append(_collapsed(element.text, parts))
    for child in element:
        name = local_name(child)
        if name == "s":
            count = attribute(child.attrib, "c")
            parts.append(" " * min(int(count) if count.isdecimal() else 1, _MAX_SPACES))
        elif name == "tab":
            parts.append("\t")
        elif name == "line-break":
            parts.append("\n")
        elif name not in _LEFT_OUT and name not in ("text-box", "note", "table", "custom-shape"):
            _collect(child, parts)
        if child.tail:
            parts.append(_collapsed(child.tail, parts))


def _collapsed(text: str, before: list[str]) -> str:
    words = " ".join(text.split())
    lead = " " if text[0].isspace() and not (before and before[-1].endswith((" ", "\n"))) else ""
    trail = " " if words and text[-1].isspace() else ""
    return lead + words + trail


def _flat(element: _Element) -> str:
    return " ".join(paragraph_text(element).split())


def _anchored(paragraph: _Element) -> Iterator[_Element]:
    """The outermost boxes and note bodies inside a paragraph."""
    stack = list(reversed(paragraph))
    while stack:
        element = stack.pop()
        name = local_name(element)
        if name in ("text-box", "note-body", "custom-shape"):
            yield element
        elif name not in _LEFT_OUT:
            stack.extend(reversed(element))


def _items(element: _Element, depth: int) -> Iterator[str]:
    for item in element:
        if local_name(item) not in ("list-item", "list-header"):
            continue
        mark = "- "
        for part in item:
            name = local_name(part)
            if name == "list":
                yield from _items(part, depth + 1)
            elif name in ("p", "h") and (text := paragraph_text(part)):
                yield "  " * depth + mark + text
                mark = "  "


def _rows(table: _Element) -> Iterator[str]:
    """Rows as `a | b`; a nested table's text stands in its cell."""
    for row in table.iter():
        if local_name(row) != "table-row" or _table_of(row) is not table:
            continue
        cells = [
            " ".join(" ".join(_flat(p) for p in cell.iter() if local_name(p) in ("p", "h")).split())
            for cell in row
            if local_name(cell) == "table-cell"
        ]
        if any(cells):
            yield " | ".join(cells)


def _table_of(row: _Element) -> _Element | None:
    return next((parent for parent in row.iterancestors() if local_name(parent) == "table"), None)
