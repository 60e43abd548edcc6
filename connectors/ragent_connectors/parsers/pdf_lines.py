"""The lines of a PDF page with their positions, as PDFium gives them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ragent_connectors.parsers.pdf_layout import CELL_GAP, HYPHEN
from ragent_connectors.parsers.pdf_table import Cell, TextLine

if TYPE_CHECKING:
    import pypdfium2 as pdfium

# PDFium writes U+FFFE (older ones U+0002) for a hyphen at the end of a line, and no line end after it.
_LINE_END = re.compile("[\x02\ufffe](?:\r\n?|\n)?|\r\n?|\n")
_BLANKS = re.compile(r"[ \t\u00a0]+")
# Times Bold of TeX is "NimbusRomNo9L-Medi", Computer Modern Bold is "CMBX10".
_BOLD = re.compile(rb"bold|black|heavy|demi|medi\b|cm(ss)?bx", re.IGNORECASE)
_NAME_BYTES = 128
_Box = tuple[float, float, float, float]


def page_lines(pdf: pdfium.PdfDocument, index: int) -> list[TextLine]:
    """The lines of one page in PDFium's reading order; a page that can't be read has none."""
    import pypdfium2 as pdfium

    try:
        page = pdf[index]
    except pdfium.PdfiumError:
        return []
    try:
        text_page = page.get_textpage()
    except pdfium.PdfiumError:
        page.close()
        return []
    try:
        return _Lines(text_page).read()
    finally:
        text_page.close()
        page.close()


class _Lines:
    """The text of one page, and where its characters stand."""

    def __init__(self, text_page: pdfium.PdfTextPage) -> None:
        from pypdfium2.raw import FPDFText_GetCharIndexFromTextIndex

        self._page = text_page
        self._index = FPDFText_GetCharIndexFromTextIndex
        self._text = text_page.get_text_range(errors="replace")

    def read(self) -> list[TextLine]:
        lines: list[TextLine] = []
        start = 0
        for end in (*_LINE_END.finditer(self._text), None):
            raw_line = self._text[start : end.start() if end else len(self._text)]
            stripped = raw_line.strip()
            if stripped:
                hyphen = HYPHEN if end and end[0][0] in "\x02\ufffe" else ""
                lines.append(self._line(stripped, start + raw_line.index(stripped), hyphen))
            start = end.end() if end else len(self._text)
        return lines

    def _line(self, text: str, first: int, hyphen: str) -> TextLine:
        last = first + len(text) - 1
        left = self._box(first)
        right = self._box(last) if last > first else left
        size = left[3] - left[1]
        cells = self._cells(text, first, size) if size > 0 else ()
        bold = self._is_bold(first) and self._is_bold(last)
        return TextLine(text + hyphen, left[0], right[2], left[1], left[3], cells, bold)

    def _cells(self, text: str, first: int, size: float) -> tuple[Cell, ...]:
        """The stretches between gaps that are wider than those between words; none where there is no gap."""
        cells: list[Cell] = []
        start, left = 0, self._box(first)[0]
        for blank in (*_BLANKS.finditer(text), None):
            end = blank.start() if blank else len(text)
            right = self._box(first + end - 1)[2]
            following = self._box(first + blank.end())[0] if blank else right
            if blank is None or following - right > CELL_GAP * size:
                cells.append(Cell(text[start:end], left, right))
                start, left = (blank.end() if blank else end), following
        return tuple(cells) if len(cells) > 1 else ()

    def _box(self, place: int) -> _Box:
        """Left, bottom, right, top in points, with the height of the font; zeros where PDFium knows none."""
        import pypdfium2 as pdfium

        index = self._index(self._page, place)
        try:
            box: _Box = self._page.get_charbox(index, loose=True) if index >= 0 else (0.0, 0.0, 0.0, 0.0)
        except pdfium.PdfiumError:
            return 0.0, 0.0, 0.0, 0.0
        return box

    def _is_bold(self, place: int) -> bool:
        from ctypes import c_int, create_string_buffer

        from pypdfium2.raw import FPDFText_GetFontInfo

        name, flags = create_string_buffer(_NAME_BYTES), c_int()
        FPDFText_GetFontInfo(self._page, self._index(self._page, place), name, _NAME_BYTES, flags)
        return bool(_BOLD.search(name.value))
