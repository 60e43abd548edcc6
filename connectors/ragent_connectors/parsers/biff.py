"""The extent of the sheets in old Excel files ([MS-XLS] 2.1, 2.4), before memory is reserved."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

from ragent.errors import ParseError
from ragent.types import RawDocument

MAX_CELLS = 8_000_000
"""The most cells of the rectangle that a sheet spans."""

_STREAMS = ("Workbook", "Book")
_SHEET_BEGINS = 0x0809
_DIMENSIONS = 0x0200
# Records that begin with a row and a column: formulas, numbers, strings, booleans and rows of numbers.
_CELLS = {0x0006, 0x00BD, 0x00D6, 0x00FD, 0x0203, 0x0204, 0x0205, 0x027E}


def too_wide(raw: RawDocument) -> ParseError:
    """What to raise of a sheet that spans more than `MAX_CELLS`."""
    return ParseError(
        f"{raw.name} has a sheet whose cells lie too far apart",
        hint="delete what stands at its far end, or save the sheet as .csv",
    )


def refuse_wide_sheets(raw: RawDocument) -> None:
    """Check the extent that each sheet declares, and the one that its cells have.

    Raises:
        ParseError: the file is damaged, or a sheet spans more than `MAX_CELLS`.
    """
    rows = columns = 0
    for kind, data in _records(_stream(raw)):
        if kind == _SHEET_BEGINS:
            rows = columns = 0
        elif kind == _DIMENSIONS and _declared(data) > MAX_CELLS:
            raise too_wide(raw)
        elif kind in _CELLS and len(data) >= 4:
            row, column = struct.unpack_from("<HH", data)
            rows, columns = max(rows, row + 1), max(columns, column + 1)
            if rows * columns > MAX_CELLS:
                raise too_wide(raw)


def _stream(raw: RawDocument) -> bytes:
    from olefile import OleFileIO

    try:
        with OleFileIO(io.BytesIO(raw.data)) as container:
            for name in _STREAMS:
                if container.exists(name):
                    return bytes(container.openstream(name).read())
    except Exception as error:  # whatever a damaged container makes it trip over
        raise ParseError(f"{raw.name} is a damaged Excel file: {error}", hint="get a whole copy") from error
    raise ParseError(f"{raw.name} is a damaged Excel file: it holds no workbook", hint="get a whole copy")


def _records(stream: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, place)
        yield kind, stream[place + 4 : place + 4 + length]
        place += 4 + length


def _declared(data: bytes) -> int:
    """Cells by a DIMENSIONS record: rows of four bytes in Excel 97 and later, of two before."""
    if len(data) >= 14:
        top, bottom, left, right = struct.unpack_from("<IIHH", data)
    elif len(data) >= 8:
        top, bottom, left, right = struct.unpack_from("<HHHH", data)
    else:
        return 0
    wrong = bottom < top or right < left
    return MAX_CELLS + 1 if wrong else int((bottom - top) * (right - left))
