"""OpenDocument text, presentations and spreadsheets (ODT, ODP, ODS; OASIS OpenDocument 1.3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ragent.errors import ParseError
from ragent.types import Document, Page, RawDocument
from ragent_connectors.parsers.archives import Package, local_name, part_names
from ragent_connectors.parsers.decoding import clean
from ragent_connectors.parsers.odf_text import TextWalker, paragraph_text
from ragent_connectors.parsers.sheets import Row, write_sheet
from ragent_connectors.parsers.titles import choose_title
from ragent_connectors.parsers.writer import TextWriter

if TYPE_CHECKING:
    from lxml.etree import _Element

_KIND = "OpenDocument"
_MEDIA_TYPE = "application/vnd.oasis.opendocument."
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
_META = {
    "title": "title",
    "creator": "author",
    "subject": "subject",
    "creation-date": "created",
    "date": "modified",
}
_BODIES = ("text", "presentation", "drawing", "spreadsheet")
_MAX_COLUMNS = 1024
_MAX_CHARS = 50_000_000


class OdfParser:
    """Takes ZIP files whose `mimetype` is OpenDocument's, or that have its parts."""

    def accepts(self, raw: RawDocument) -> float:
        names = part_names(raw)
        if "content.xml" not in names:
            return 0.0
        return (
            1.0
            if _MEDIA_TYPE.encode() in raw.data[:200]
            else 0.8
            if "META-INF/manifest.xml" in names
            else 0.0
        )

    def parse(self, raw: RawDocument) -> Document:
        package = Package(raw, _KIND)
        if "META-INF/manifest.xml" in package.names and b"encryption-data" in package.read(
            "META-INF/manifest.xml"
        ):
            raise ParseError(f"{raw.name} is encrypted", hint="it needs a password: save it without one")
        kind, body = _body(package, raw)
        writer = TextWriter()
        pages: tuple[Page, ...] = ()
        try:
            if kind == "spreadsheet":
                _write_sheets(writer, body)
            elif kind == "text":
                TextWalker(writer).walk(body)
            else:
                pages = _write_slides(writer, body)
        except RecursionError as error:
            raise ParseError(
                f"{raw.name} is nested too deeply", hint="it is damaged, or meant to harm"
            ) from error
        if not writer.text:
            raise ParseError(f"{raw.name} holds no text", hint="if it holds pictures of text, run OCR on it")
        metadata = _metadata(package)
        heading = None if kind == "spreadsheet" else writer.first_heading()
        return Document(
            uri=raw.uri,
            title=choose_title(raw, (metadata.get("title"), heading)),
            text=writer.text,
            media_type=_MEDIA_TYPE + ("graphics" if kind == "drawing" else kind),
            blocks=writer.blocks,
            pages=pages,
            metadata=metadata,
        )


def _body(package: Package, raw: RawDocument) -> tuple[str, _Element]:
    for body in package.xml("content.xml").iter(_OFFICE + "body"):
        for element in body:
            if local_name(element) in _BODIES:
                return local_name(element), element
    raise ParseError(f"{raw.name} is no text, presentation or spreadsheet", hint="save it as PDF")


def _write_slides(writer: TextWriter, body: _Element) -> tuple[Page, ...]:
    """Each slide's shapes, then its notes; the slide's title is its first heading."""
    pages, start = [], 0
    for number, slide in enumerate(body.iter(_DRAW + "page"), 1):
        TextWalker(writer).walk_slide(slide)
        if writer.length > start:
            pages.append(Page(number, start, writer.length))
            start = writer.length
    return tuple(pages)


def _write_sheets(writer: TextWriter, body: _Element) -> None:
    for table in body.iterchildren(_TABLE + "table"):
        before = TextWriter()
        write_sheet(before, _rows(table), 2)
        if before.text:
            writer.add("heading", table.get(_TABLE + "name", "Sheet"), 1)
            writer.extend(before.text, before.blocks)


def _rows(table: _Element) -> Iterator[Row]:
    """The rows of a table. Repeated ones are unfolded as far as they hold something.

    Raises:
        ParseError: what they unfold to is absurd.
    """
    number, spent = 1, 0
    for row in table.iter(_TABLE + "table-row"):
        if next(row.iterancestors(_TABLE + "table")) is not table:
            continue
        cells = _cells(row)
        repeats = _repeats(row, "number-rows-repeated")
        for offset in range(repeats if any(cells) else 1):
            spent += sum(map(len, cells)) + len(cells)
            if spent > _MAX_CHARS:
                raise ParseError("the cells of a sheet repeat too often", hint="save the sheet as .csv")
            yield number + offset, cells
        number += repeats


def _cells(row: _Element) -> list[str]:
    cells: list[str] = []
    for cell in row.iterchildren(_TABLE + "table-cell", _TABLE + "covered-table-cell"):
        text = "\n".join(paragraph_text(paragraph) for paragraph in cell.iterchildren(_TEXT + "p"))
        text = text or cell.get(_OFFICE + "value", "")
        room = _MAX_COLUMNS - len(cells)
        cells += [text] * min(_repeats(cell, "number-columns-repeated"), room)
    return cells


def _repeats(element: _Element, name: str) -> int:
    value = element.get(_TABLE + name, "1")
    return int(value) if value.isdecimal() and len(value) < 9 else 1


def _metadata(package: Package) -> dict[str, str]:
    if "meta.xml" not in package.names:
        return {}
    found: dict[str, str] = {}
    for element in package.xml("meta.xml").iter():
        key, text = _META.get(local_name(element)), clean(element.text or "").strip()
        if key and text:
            found[key] = text
    return found
