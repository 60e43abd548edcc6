"""A PDF page as a picture, with quotes marked in it."""

from __future__ import annotations

import ctypes
import io
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ragent.errors import ParseError
from ragent_connectors.parsers.pdf import LOCK

if TYPE_CHECKING:
    from PIL.Image import Image

Box = tuple[float, float, float, float]
"""Left, bottom, right, top, in points from the page's lower left corner."""

_MARK = (255, 214, 10, 96)
_MOST_PIXELS = 4000
_MARGIN = 1.0


def render_page(data: bytes, page: int, quotes: Sequence[str], width: int = 900) -> bytes:
    """A page as PNG, `width` pixels wide, with every place marked where one of the quotes stands.

    Blanks, hyphens at line ends and the form of letters count for nothing, since a quote has none of a page's
    line breaks. A quote that isn't found is not marked.

    Raises:
        ParseError: that is no PDF, or it has no such page (they count from 1).
    """
    import pypdfium2 as pdfium

    with LOCK:
        try:
            pdf = pdfium.PdfDocument(data)
        except pdfium.PdfiumError as error:
            raise ParseError(f"can't show the file: {error}") from error
        try:
            if not 1 <= page <= len(pdf):
                raise ParseError(f"there is no page {page}: the file has {len(pdf)}")
            shown = pdf[page - 1]
            scale = min(width, _MOST_PIXELS) / shown.get_width()
            scale = min(scale, _MOST_PIXELS / shown.get_height())
            boxes = list(_boxes(shown, quotes))
            pixels = [_pixels(shown, box, scale) for box in boxes]
            image = shown.render(scale=scale).to_pil()
        finally:
            pdf.close()
    return _png(_marked(image, pixels))


def _boxes(page: Any, quotes: Sequence[str]) -> Iterator[Box]:
    text = page.get_textpage()
    try:
        letters: list[str] = []
        places: list[int] = []
        for index in range(text.count_chars()):
            for letter in _plain(text.get_text_range(index, 1)):
                letters.append(letter)
                places.append(index)
        whole = "".join(letters)
        for quote in quotes:
            wanted = _plain(quote)
            at = whole.find(wanted) if wanted else -1
            while at >= 0:
                yield from _lines([text.get_charbox(i) for i in places[at : at + len(wanted)]])
                at = whole.find(wanted, at + len(wanted))
    finally:
        text.close()


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter for letter in folded if letter.isalnum())


def _lines(boxes: Sequence[Box]) -> Iterator[Box]:
    """One box a line of text."""
    line: Box | None = None
    for left, bottom, right, top in boxes:
        if line and bottom < line[3] and top > line[1] and left >= line[0]:
            line = (min(line[0], left), min(line[1], bottom), max(line[2], right), max(line[3], top))
        else:
            if line:
                yield line
            line = (left, bottom, right, top)
    if line:
        yield line


def _pixels(page: Any, box: Box, scale: float) -> tuple[int, int, int, int]:
    """The box in the picture, from its upper left corner; turned and cropped pages included."""
    import pypdfium2.raw as raw

    size = (round(page.get_width() * scale), round(page.get_height() * scale))
    corners = []
    for x, y in ((box[0] - _MARGIN, box[3] + _MARGIN), (box[2] + _MARGIN, box[1] - _MARGIN)):
        across, down = ctypes.c_int(), ctypes.c_int()
        raw.FPDF_PageToDevice(page, 0, 0, *size, 0, x, y, across, down)
        corners.append((across.value, down.value))
    (x1, y1), (x2, y2) = corners
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)


def _marked(image: Image, boxes: Sequence[tuple[int, int, int, int]]) -> Image:
    import PIL.Image
    from PIL import ImageDraw

    base = image.convert("RGBA")
    marks = PIL.Image.new("RGBA", base.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(marks)
    for box in boxes:
        draw.rectangle(box, fill=_MARK)
    return PIL.Image.alpha_composite(base, marks).convert("RGB")


def _png(image: Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
