"""PPTX (Office Open XML presentations): one page a slide, its speaker's notes included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ragent.errors import ParseError
from ragent.types import Document, Page, RawDocument
from ragent_connectors.parsers.archives import Package, core_properties, part_names, relations
from ragent_connectors.parsers.titles import choose_title
from ragent_connectors.parsers.writer import TextWriter

if TYPE_CHECKING:
    from lxml.etree import _Element

_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
_MAIN = "ppt/presentation.xml"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_CHOICE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Choice"
_ALTERNATE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}AlternateContent"
_TITLES = ("title", "ctrTitle")
# What stands on every slide, and says nothing of one.
_FURNITURE = ("dt", "ftr", "sldNum", "hdr", "sldImg")
_MAX_POINTS = 500


class PptxParser:
    """Takes ZIP files that hold a `ppt/presentation.xml`."""

    def accepts(self, raw: RawDocument) -> float:
        return 1.0 if any(name.startswith("ppt/presentation") for name in part_names(raw)) else 0.0

    def parse(self, raw: RawDocument) -> Document:
        package = Package(raw, "PPTX")
        writer = TextWriter()
        numbered = []
        for number, slide in enumerate(_slides(package), 1):
            _Slide(package, slide, writer).write()
            numbered.append((number, writer.length))
        if not writer.text:
            raise ParseError(f"{raw.name} holds no text", hint="if its slides are pictures, run OCR on them")
        metadata = core_properties(package)
        return Document(
            uri=raw.uri,
            title=choose_title(raw, (metadata.get("title"), writer.first_heading())),
            text=writer.text,
            media_type=_MEDIA_TYPE,
            blocks=writer.blocks,
            pages=_pages(numbered),
            metadata=metadata,
        )


class _Slide:
    """Writes the shapes of one slide, the title first, then the notes."""

    def __init__(self, package: Package, name: str, writer: TextWriter) -> None:
        self._package = package
        self._name = name
        self._writer = writer
        self._relations = relations(package, name)

    def write(self) -> None:
        shapes = list(_shapes(self._package.xml(self._name)))
        shapes.sort(key=lambda shape: _placeholder(shape) not in _TITLES)
        for shape in shapes:
            self._shape(shape)
        for kind, target in self._relations.values():
            if kind == "notesSlide" and target in self._package.names:
                for shape in _shapes(self._package.xml(target)):
                    if _placeholder(shape) not in _FURNITURE:
                        self._writer.add("paragraph", "\n".join(_lines(shape)), label="notes")

    def _shape(self, shape: _Element) -> None:
        placeholder = _placeholder(shape)
        if shape.tag == _P + "pic":
            self._picture(shape)
        elif shape.tag == _P + "graphicFrame":
            self._frame(shape)
        elif placeholder in _TITLES:
            self._writer.add("heading", " ".join(" ".join(_lines(shape)).split()), 1)
        elif placeholder not in _FURNITURE:
            lines = list(_lines(shape))
            if len(lines) > 1 and placeholder is not None:
                self._writer.add("list", "\n".join(_bulleted(shape)))
            else:
                self._writer.add("paragraph", "\n".join(lines))

    def _picture(self, shape: _Element) -> None:
        """What the author says of the picture; a lone word is its file's name."""
        properties = shape.find(f"{_P}nvPicPr/{_P}cNvPr")
        described = properties.get("descr", "") if properties is not None else ""
        if len(described.split()) > 1:
            self._writer.add("paragraph", described)

    def _frame(self, frame: _Element) -> None:
        for table in frame.iter(_A + "tbl"):
            self._writer.add("table", "\n".join(_rows(table)))
        for chart in frame.iter(_C + "chart"):
            _, target = self._relations.get(chart.get(_R + "id", ""), ("", ""))
            if target in self._package.names:
                self._chart(self._package.xml(target))

    def _chart(self, chart: _Element) -> None:
        """Its title, and a row for each series: the name, then `category: value`."""
        for title in chart.iter(_C + "title"):
            self._writer.add("paragraph", " ".join("".join(text) for text in _texts(title)))
        rows = []
        for series in chart.iter(_C + "ser"):
            name = " ".join(_points(series.find(_C + "tx")).values())
            categories = _points(_first(series, "cat", "xVal"))
            values = _points(_first(series, "val", "yVal"))
            points = [
                f"{categories[index]}: {value}" if index in categories else value
                for index, value in values.items()
            ]
            rows.append(" | ".join(part for part in (name, *points) if part))
        self._writer.add("table", "\n".join(row for row in rows if row))


def _slides(package: Package) -> Iterator[str]:
    """Names of the slides' parts in the order of the show; hidden ones too."""
    related = relations(package, _MAIN)
    for entry in package.xml(_MAIN).iter(_P + "sldId"):
        kind, target = related.get(entry.get(_R + "id", ""), ("", ""))
        if kind == "slide" and target in package.names:
            yield target


def _shapes(root: _Element) -> Iterator[_Element]:
    """The shapes of a slide, those in groups included, in the order they were drawn."""
    tree = root.find(f"{_P}cSld/{_P}spTree")
    stack = [] if tree is None else list(reversed(tree))
    while stack:
        element = stack.pop()
        if element.tag in (_P + "grpSp", _CHOICE):
            stack.extend(reversed(element))
        elif element.tag == _ALTERNATE:
            stack.extend(reversed(element.findall(_CHOICE)[:1]))
        elif element.tag in (_P + "sp", _P + "pic", _P + "graphicFrame", _P + "cxnSp"):
            yield element


def _placeholder(shape: _Element) -> str | None:
    """Its type, `obj` where none is given; None for a shape that is no placeholder."""
    found = shape.find(f"{_P}nvSpPr/{_P}nvPr/{_P}ph")
    return None if found is None else found.get("type", "obj")


def _lines(shape: _Element) -> Iterator[str]:
    for text in _texts(shape):
        if text.strip():
            yield text.strip()


def _bulleted(shape: _Element) -> Iterator[str]:
    for paragraph in shape.iter(_A + "p"):
        if text := _text(paragraph).strip():
            level = paragraph.find(_A + "pPr")
            depth = level.get("lvl", "0") if level is not None else "0"
            yield "  " * (int(depth) if depth.isdecimal() else 0) + "- " + text


def _texts(element: _Element) -> Iterator[str]:
    for paragraph in element.iter(_A + "p"):
        yield _text(paragraph)


def _text(paragraph: _Element) -> str:
    parts = []
    for element in paragraph.iter(_A + "t", _A + "br", _M + "t"):
        parts.append("\n" if element.tag == _A + "br" else element.text or "")
    return "".join(parts)


def _rows(table: _Element) -> Iterator[str]:
    """Rows as `a | b`; a merged cell's text stands once."""
    for row in table.iter(_A + "tr"):
        cells = [
            " ".join(" ".join(_texts(cell)).split())
            for cell in row.iter(_A + "tc")
            if cell.get("hMerge") not in ("1", "true")
        ]
        if any(cells):
            yield " | ".join(cells)


def _first(series: _Element, *names: str) -> _Element | None:
    return next((found for name in names if (found := series.find(_C + name)) is not None), None)


def _points(data: _Element | None) -> dict[str, str]:
    """The values of a chart's data, by index; only the innermost level of categories."""
    if data is None:
        return {}
    level = next(data.iter(_C + "lvl"), data)
    found: dict[str, str] = {}
    for point in level.iter(_C + "pt"):
        if len(found) < _MAX_POINTS:
            found[point.get("idx", "")] = (point.findtext(_C + "v") or "").strip()
    return found


def _pages(ends: list[tuple[int, int]]) -> tuple[Page, ...]:
    """Pages that meet: each slide's begins where the one before ends."""
    pages, start = [], 0
    for number, end in ends:
        if end > start:
            pages.append(Page(number, start, end))
            start = end
    return tuple(pages)
