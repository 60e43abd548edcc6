"""Scanned pages of a PDF: which they are, and their text by OCR."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragent.errors import ParseError
from ragent_connectors.parsers.ocr import OcrPage, is_available, read_image

if TYPE_CHECKING:
    import pypdfium2 as pdfium

_DPI = 200
_MAX_PIXELS = 40_000_000


@dataclass(frozen=True, slots=True)
class Scans:
    """`read`: what OCR found, by index of the page. `unread`: the pages with marks that nobody read;
    `tried`: whether there were any such pages.
    """

    read: dict[int, OcrPage]
    unread: tuple[int, ...]
    tried: bool = False


def has_marks(pdf: pdfium.PdfDocument, index: int) -> bool:
    """Whether a page shows anything: an image, drawn letters, or text whose font says not what it means.

    A page that can't be read shows nothing.
    """
    import pypdfium2 as pdfium

    try:
        page = pdf[index]
    except pdfium.PdfiumError:
        return False
    try:
        return any(True for _ in page.get_objects(max_depth=1))
    finally:
        page.close()


def read_scans(pdf: pdfium.PdfDocument, indices: list[int], lock: AbstractContextManager[object]) -> Scans:
    """OCR some pages, rendering them under the lock that PDFium needs and reading them outside of it."""
    read: dict[int, OcrPage] = {}
    unread: list[int] = []
    if not is_available():
        return Scans(read, tuple(indices), bool(indices))
    for index in indices:
        with lock:
            image = _rendered(pdf, index)
        try:
            found = read_image(image, dpi=_DPI) if image else []
            read.update((index, page) for page in found)
        except ParseError:
            unread.append(index)
    return Scans(read, tuple(unread), bool(indices))


def _rendered(pdf: pdfium.PdfDocument, index: int) -> bytes:
    """A page as a greyscale image (PGM); nothing where PDFium can't draw it."""
    import pypdfium2 as pdfium

    try:
        page = pdf[index]
    except pdfium.PdfiumError:
        return b""
    try:
        width, height = page.get_size()
        scale = min(_DPI / 72, (_MAX_PIXELS / max(width * height, 1)) ** 0.5)
        bitmap = page.render(scale=scale, grayscale=True)
        pixels = bytes(bitmap.buffer)
        starts = range(0, bitmap.stride * bitmap.height, bitmap.stride)
        rows = b"".join(pixels[start : start + bitmap.width] for start in starts)
        return b"P5 %d %d 255\n" % (bitmap.width, bitmap.height) + rows
    except pdfium.PdfiumError:
        return b""
    finally:
        page.close()
