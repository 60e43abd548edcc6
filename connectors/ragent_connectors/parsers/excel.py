"""Excel workbooks: XLSX and XLSM (Office Open XML spreadsheets), and XLS (BIFF)."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from ragent.errors import ParseError
from ragent.types import Document, RawDocument
from ragent_connectors.parsers.archives import Package, core_properties, part_names
from ragent_connectors.parsers.biff import MAX_CELLS, refuse_wide_sheets, too_wide
from ragent_connectors.parsers.legacy import OLE, streams
from ragent_connectors.parsers.sheets import Row, write_sheet
from ragent_connectors.parsers.titles import choose_title
from ragent_connectors.parsers.writer import TextWriter

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_XLS = "application/vnd.ms-excel"
_ROW = re.compile(rb'<(?:\w+:)?row\b[^>]*?\br="(\d{1,7})"')
_COLUMN = re.compile(rb'\br="([A-Z]{1,3})\d')
# Beyond XFD1048576, the last cell that a sheet may have, the library counts for ever.
_IMPOSSIBLE = re.compile(rb'\br="(?:[A-Z]{4,}\d*|[A-Z]*\d{8,})"')
_FILLED = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})(\d{1,7})"[^>]*(?<!/)>')


class ExcelParser:
    """Takes ZIP files that hold an `xl/workbook.xml`, and OLE files with a workbook."""

    def accepts(self, raw: RawDocument) -> float:
        if raw.data.startswith(OLE):
            return 0.9 if streams(raw).intersection(("Workbook", "Book")) else 0.0
        return 1.0 if any(name.startswith("xl/workbook") for name in part_names(raw)) else 0.0

    def parse(self, raw: RawDocument) -> Document:
        old = raw.data.startswith(OLE)
        if old:
            refuse_wide_sheets(raw)
        metadata = {} if old else _checked(raw)
        writer = TextWriter()
        try:
            book = _opened(raw)
            for name in book.sheet_names:
                _write(writer, name, book)
        except BaseException as error:
            # The library is written in Rust: what makes it panic arrives as a BaseException.
            if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError, ParseError)):
                raise
            raise ParseError(
                f"{raw.name} is not a readable Excel file: {str(error) or type(error).__name__}",
                hint="open it in a spreadsheet program and save it as .xlsx",
            ) from error
        if not writer.text:
            raise ParseError(f"{raw.name} holds no cells", hint="charts and pictures alone can't be read")
        return Document(
            uri=raw.uri,
            title=choose_title(raw, (metadata.get("title"),)),
            text=writer.text,
            media_type=_XLS if old else _XLSX,
            blocks=writer.blocks,
            metadata=metadata,
        )


def _opened(raw: RawDocument) -> CalamineWorkbook:
    from python_calamine import PasswordError, load_workbook

    try:
        return load_workbook(io.BytesIO(raw.data))
    except PasswordError as error:
        raise ParseError(
            f"{raw.name} is encrypted", hint="it needs a password: save it without one"
        ) from error


def _write(writer: TextWriter, name: str, book: CalamineWorkbook) -> None:
    """One sheet; nothing of it where it holds no cells."""
    from python_calamine import WorksheetNotFound

    try:
        sheet = book.get_sheet_by_name(name)
    except WorksheetNotFound:  # a sheet that is a chart
        return
    if sheet.start is None:
        return
    writer.add("heading", name, 1)
    write_sheet(writer, _rows(sheet), 2)


def _rows(sheet: CalamineSheet) -> Iterator[Row]:
    for number, cells in enumerate(sheet.iter_rows(), 1):
        yield number, [_shown(cell) for cell in cells]


def _shown(value: float | str | bool | time | date | datetime | timedelta) -> str:
    """A cell's value as text, close to what the spreadsheet shows; its number format is not known."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, (date, time)):
        return value.isoformat()
    return str(value)


def _checked(raw: RawDocument) -> dict[str, str]:
    """The metadata of a workbook that can be opened without harm.

    The library holds the rectangle from the first filled cell to the last in memory, so two cells in the far
    corners of a sheet would take gigabytes.

    Raises:
        ParseError: it is damaged, a bomb, in the binary format, or has such a sheet.
    """
    package = Package(raw, "Excel")
    if "xl/workbook.bin" in package.names:
        raise ParseError(f"{raw.name} is a binary workbook (XLSB)", hint="save it as .xlsx")
    sheets = [name for name in package.names if name.startswith("xl/worksheets/") and name.endswith(".xml")]
    for name in sheets:
        sheet = package.read(name)
        if _IMPOSSIBLE.search(sheet) or _area(sheet) > MAX_CELLS:
            raise too_wide(raw)
    return core_properties(package)


def _area(sheet: bytes) -> int:
    """Cells of the rectangle that the filled ones span, or a larger number that is bearable too."""
    rows = max((int(row) for row in _ROW.findall(sheet)), default=1)
    columns = max((_number(letters) for letters in set(_COLUMN.findall(sheet))), default=1)
    if rows * columns <= MAX_CELLS:
        return rows * columns
    left = top = 1 << 24
    right = bottom = 0
    for match in _FILLED.finditer(sheet):
        column, row = _number(match[1]), int(match[2])
        left, right, top, bottom = min(left, column), max(right, column), min(top, row), max(bottom, row)
    return max(0, right - left + 1) * max(0, bottom - top + 1)


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
