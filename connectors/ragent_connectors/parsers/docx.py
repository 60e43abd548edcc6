"""DOCX (Office Open XML word processing documents)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from ragent.errors import ParseError
from ragent.types import Document, RawDocument
from ragent_connectors.parsers.archives import Package, core_properties, part_names, relations
from ragent_connectors.parsers.titles import choose_title
from ragent_connectors.parsers.writer import TextWriter

_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_MAIN = "word/document.xml"
_NOTES = ("footnotes", "endnotes", "comments")
_MARGINS = ("header", "footer")
_ON = (None, "1", "true", "on")
_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)


class DocxParser:
    """Takes ZIP files that hold a `word/document.xml`."""

    def accepts(self, raw: RawDocument) -> float:
        return 1.0 if any(name.startswith("word/document") for name in part_names(raw)) else 0.0

    def parse(self, raw: RawDocument) -> Document:
        package = Package(raw, "DOCX")
        writer = TextWriter()
        _Walker(package, writer).walk()
        if not writer.text:
            raise ParseError(
                f"{raw.name} holds no text",
                hint="if it holds pictures of text, save it as PDF: scanned pages are read by OCR",
            )
        metadata = package.optional(core_properties) or {}
        return Document(
            uri=raw.uri,
            title=choose_title(raw, (metadata.get("title"), writer.first_heading())),
            text=writer.text,
            media_type=_MEDIA_TYPE,
            blocks=writer.blocks,
            metadata=metadata,
        )


class _Walker:
    """Writes paragraphs, lists and tables in the order of the document, text boxes and notes included."""

    def __init__(self, package: Package, writer: TextWriter) -> None:
        self._package = package
        self._writer = writer
        self._main = _main(package)
        self._relations = package.optional(partial(relations, part=self._main)) or {}
        self._styles = _Styles(self._first("styles"))
        self._items: list[str] = []
        self._label = ""

    def walk(self) -> None:
        """Write the body, then the foot- and endnotes and the comments, then what heads and foots pages."""
        for body in self._package.xml(self._main).iter(_W + "body"):
            self._children(body)
        for kind in _NOTES:
            self._label = "comment" if kind == "comments" else ""
            notes = self._first(kind)
            for note in notes if notes is not None else ():
                if note.get(_W + "type") is None:  # separators have a type, real notes have none
                    self._children(note)
                self._end_list()
        seen = set()
        for kind in _MARGINS:
            self._label = kind
            for root in self._parts(kind):
                text = "".join(root.itertext()).strip()
                if text not in seen and any(c.isalpha() for c in text):
                    self._children(root)
                seen.add(text)
        self._end_list()

    def _first(self, kind: str) -> Any:
        return next(self._parts(kind), None)

    def _parts(self, kind: str) -> Iterator[Any]:
        """The roots of the parts of a kind; the text can be read without those that are damaged."""
        for named, target in self._relations.values():
            if named == kind and target in self._package.names:
                root = self._package.optional(partial(Package.xml, name=target))
                if root is not None:
                    yield root

    def _children(self, parent: Any) -> None:
        for element in parent:
            if element.tag == _W + "p":
                self._paragraph(element)
            elif element.tag == _W + "tbl":
                self._end_list()
                self._writer.add("table", "\n".join(_rows(element)), label=self._label)
            elif element.tag in (_W + "sdt", _W + "sdtContent", _W + "customXml", _W + "ins", _W + "moveTo"):
                self._children(element)

    def _paragraph(self, paragraph: Any) -> None:
        text = _text(paragraph)
        level = self._styles.heading_level(paragraph)
        indent = self._styles.list_depth(paragraph)
        if level and text.strip():
            self._end_list()
            self._writer.add("heading", " ".join(text.split()), level)
        elif indent is not None and text.strip():
            self._items.append("  " * indent + "- " + text.strip())
        elif text.strip():
            self._end_list()
            self._writer.add("paragraph", text, label=self._label)
        for box in paragraph.iter(_W + "txbxContent"):
            if not any(parent.tag in (_FALLBACK, _W + "txbxContent") for parent in box.iterancestors()):
                self._children(box)

    def _end_list(self) -> None:
        self._writer.add("list", "\n".join(self._items), label=self._label)
        self._items.clear()


class _Styles:
    """Which paragraph styles are headings or list items, through the styles they are based on."""

    def __init__(self, styles: Any) -> None:
        self._elements = {}
        for element in styles if styles is not None else ():
            if element.tag == _W + "style":
                self._elements[element.get(_W + "styleId")] = element
        self._known: dict[str, tuple[int, bool]] = {}

    def heading_level(self, paragraph: Any) -> int:
        """1 to 9, or 0 for what is no heading."""
        own = _value(paragraph, "pPr/w:outlineLvl")
        if own is not None:
            return int(own) + 1 if own.isdigit() and int(own) < 9 else 0
        return self._style(paragraph)[0]

    def list_depth(self, paragraph: Any) -> int | None:
        """0 for the outermost items; None for what is no list item."""
        number = _value(paragraph, "pPr/w:numPr/w:numId")
        if number == "0" or (number is None and not self._style(paragraph)[1]):
            return None
        depth = _value(paragraph, "pPr/w:numPr/w:ilvl") or "0"
        return min(int(depth), 8) if depth.isdigit() else 0

    def _style(self, paragraph: Any) -> tuple[int, bool]:
        name = _value(paragraph, "pPr/w:pStyle")
        if name is None:
            return 0, False
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def _read(self, name: str) -> tuple[int, bool]:
        level, listed, seen = 0, False, set[str]()
        while name in self._elements and name not in seen:
            seen.add(name)
            element = self._elements[name]
            shown = _value(element, "name") or ""
            outline = _value(element, "pPr/w:outlineLvl") or ""
            if match := _HEADING.fullmatch(shown):
                level = level or int(match[1])
            elif shown.lower() == "title":
                level = level or 1
            elif outline.isdigit() and int(outline) < 9:
                level = level or int(outline) + 1
            numbered = _value(element, "pPr/w:numPr/w:numId") not in (None, "0")
            listed = listed or numbered or shown.lower().startswith("list ")
            name = _value(element, "basedOn") or ""
        return level, listed and not level


def _value(element: Any, path: str) -> str | None:
    """The `w:val` of a descendant named by a path such as `pPr/w:numPr`."""
    found = element.find("/".join(_W + step.removeprefix("w:") for step in path.split("/")))
    return None if found is None else found.get(_W + "val")


def _text(paragraph: Any) -> str:
    """What a reader sees: insertions count, deletions don't; text boxes are written on their own."""
    parts: list[str] = []
    stack = list(reversed(paragraph))
    while stack:
        element = stack.pop()
        tag = element.tag
        if tag in (_W + "t", _M + "t"):
            parts.append(element.text or "")
        elif tag in (_W + "tab", _W + "ptab"):
            parts.append("\t")
        elif tag in (_W + "br", _W + "cr"):
            parts.append("\n")
        elif tag == _W + "noBreakHyphen":
            parts.append("-")
        elif tag == _W + "r" and _is_hidden(element):
            continue
        elif tag not in (_W + "txbxContent", _W + "pPr", _W + "rPr", _W + "moveFrom", _W + "del", _FALLBACK):
            stack.extend(reversed(element))
    return "".join(parts)


def _rows(table: Any) -> Iterator[str]:
    """Rows as `a | b`; a merged cell's text stands once, a nested table's in its cell."""
    for row in table.iter(_W + "tr"):
        if next(row.iterancestors(_W + "tbl")) is not table:
            continue
        cells = [
            " ".join(" ".join(_text(p).split()) for p in cell.iter(_W + "p")).strip()
            for cell in row.iter(_W + "tc")
            if next(cell.iterancestors(_W + "tr")) is row
        ]
        if any(cells):
            yield " | ".join(cells)


def _is_hidden(run: Any) -> bool:
    vanish = run.find(f"{_W}rPr/{_W}vanish")
    return vanish is not None and vanish.get(_W + "val") in _ON


def _main(package: Package) -> str:
    """The part that holds the text: not all programs call it `word/document.xml`."""
    found = package.optional(partial(relations, part="")) or {}
    named = next((target for kind, target in found.values() if kind == "officeDocument"), _MAIN)
    return named if named in package.names else _MAIN
