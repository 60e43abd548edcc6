"""Images of text (PNG, JPEG, TIFF), through OCR."""

from __future__ import annotations

from ragent.errors import ParseError
from ragent.types import Document, Page, RawDocument
from ragent_connectors.parsers.ocr import OcrPage, read_image
from ragent_connectors.parsers.titles import choose_title
from ragent_connectors.parsers.writer import TextWriter

_MEDIA_TYPES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"II*\0": "image/tiff",
    b"MM\0*": "image/tiff",
}


class ImageParser:
    """Takes images by their first bytes. A TIFF may have several pages."""

    def accepts(self, raw: RawDocument) -> float:
        return 0.9 if _media_type(raw) else 0.0

    def parse(self, raw: RawDocument) -> Document:
        pages = read_image(raw.data)
        if not pages:
            raise ParseError(
                f"{raw.name} is an image without text", hint="leave it out, or describe it in a file"
            )
        writer = TextWriter()
        starts = [_write(writer, page) for page in pages]
        ends = [*starts[1:], writer.length]
        several = len(pages) > 1
        return Document(
            uri=raw.uri,
            title=choose_title(raw, ()),
            text=writer.text,
            media_type=_media_type(raw),
            blocks=writer.blocks,
            pages=tuple(
                Page(page.number, start, end) for page, start, end in zip(pages, starts, ends, strict=True)
            )
            if several
            else (),
            metadata={"ocr_confidence": min(page.confidence for page in pages)},
        )


def _write(writer: TextWriter, page: OcrPage) -> int:
    """Where the page begins, behind the blank line after the one before."""
    start = writer.length + 2 if writer.length else 0
    for paragraph in page.paragraphs:
        writer.add("paragraph", paragraph)
    return start


def _media_type(raw: RawDocument) -> str:
    return next((kind for magic, kind in _MEDIA_TYPES.items() if raw.data.startswith(magic)), "")
