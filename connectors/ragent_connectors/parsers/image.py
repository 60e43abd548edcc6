"""Images of text (PNG, JPEG, TIFF, WebP, GIF, BMP, PNM), through OCR."""

from __future__ import annotations

import re

from ragent.errors import ParseError
from ragent.types import Document, Page, RawDocument
from ragent_connectors.parsers.ocr import OcrPage, read_image
from ragent_connectors.parsers.titles import choose_title
from ragent_connectors.parsers.writer import TextWriter

_HEAD_BYTES = 256
_MEDIA_TYPES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"II*\0": "image/tiff",
    b"MM\0*": "image/tiff",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
_WEBP = re.compile(rb"RIFF.{4}WEBP", re.DOTALL)
_BMP = re.compile(rb"BM.{8}.{4}[\x0c\x28\x38\x40\x6c\x7c]\0\0\0", re.DOTALL)
_PNM = re.compile(rb"P[1-6]\s(?:#[^\n]*\n)?\s*\d{1,6}\s+\d{1,6}\s")


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
    head = raw.data[:_HEAD_BYTES]
    patterns = {_WEBP: "image/webp", _BMP: "image/bmp", _PNM: "image/x-portable-anymap"}
    by_magic = (kind for magic, kind in _MEDIA_TYPES.items() if head.startswith(magic))
    by_pattern = (kind for pattern, kind in patterns.items() if pattern.match(head))
    return next(by_magic, None) or next(by_pattern, "")
