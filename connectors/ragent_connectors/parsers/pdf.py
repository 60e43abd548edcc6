"""PDF, through PDFium."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ragent.errors import ParseError
from ragent.types import Document, Page, RawDocument
from ragent_connectors.parsers.decoding import clean
from ragent_connectors.parsers.ocr import INSTALL_HINT, OCR_HINT, is_available
from ragent_connectors.parsers.pdf_layout import OutlineEntry, PageBlock, page_blocks
from ragent_connectors.parsers.pdf_lines import page_lines
from ragent_connectors.parsers.pdf_scan import Scans, has_marks, read_scans
from ragent_connectors.parsers.pdf_table import TextLine
from ragent_connectors.parsers.titles import choose_title
from ragent_connectors.parsers.writer import TextWriter

if TYPE_CHECKING:
    import pypdfium2 as pdfium

_HEADER_BYTES = 1024
_MAX_OUTLINE = 5000
_DATE = re.compile(r"D:(\d{4})(\d{2})?(\d{2})?(?:(\d{2})(\d{2})(\d{2})?)?")
PASSWORDS = "RAGENT_SECRET_PDF"
"""The environment variable that holds passwords to try, one a line. They are kept nowhere."""
LOCK = threading.Lock()
"""Held while PDFium works: it is not thread safe, not even between documents."""


class PdfParser:
    """Takes what has the PDF mark near its beginning, as PDF readers do."""

    def accepts(self, raw: RawDocument) -> float:
        return 1.0 if b"%PDF-" in raw.data[:_HEADER_BYTES] else 0.0

    def parse(self, raw: RawDocument) -> Document:
        with LOCK:
            pdf = _opened(raw)
        try:
            with LOCK:
                properties = pdf.get_metadata_dict(skip_empty=True)
                outline = _outline(pdf)
                lines = [page_lines(pdf, number) for number in range(len(pdf))]
                scanned = [index for index, page in enumerate(lines) if not page and has_marks(pdf, index)]
            scans = read_scans(pdf, scanned, LOCK)
        finally:
            with LOCK:
                pdf.close()
        return _document(raw, _Read(lines, outline, scans, properties))


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read from a file: its lines by page, its bookmarks, its scanned pages, its properties."""

    lines: Sequence[Sequence[TextLine]]
    outline: Sequence[OutlineEntry]
    scans: Scans
    properties: dict[str, str]


def _document(raw: RawDocument, read: _Read) -> Document:
    writer = TextWriter()
    starts = []
    for number, found in enumerate(page_blocks(read.lines, read.outline)):
        scan = read.scans.read.get(number)
        blocks = [PageBlock("paragraph", text) for text in scan.paragraphs] if scan else found
        starts.append(writer.length)
        for index, block in enumerate(blocks):
            before = writer.length
            writer.add(block.kind, block.text, block.level)
            if index == 0 and before:
                starts[-1] = before + 2  # the blank line between belongs to the page before
    text = writer.text
    if not text:
        raise _no_text(raw, read.scans)
    starts = [min(start, len(text)) for start in starts]
    pages = tuple(
        Page(number, start, end)
        for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(text)], strict=True), 1)
    )
    metadata = {**_metadata(read.properties), **_scan_metadata(read.scans)}
    return Document(
        uri=raw.uri,
        title=choose_title(raw, (_metadata(read.properties).get("title"), writer.first_heading())),
        text=text,
        media_type="application/pdf",
        blocks=writer.blocks,
        pages=pages,
        metadata=metadata,
    )


def _no_text(raw: RawDocument, scans: Scans) -> ParseError:
    if not scans.tried:
        return ParseError(f"{raw.name} holds no text: its pages are blank", hint="leave it out")
    if is_available():
        return ParseError(
            f"{raw.name} has no text layer, and OCR found no text in its pictures", hint=OCR_HINT
        )
    return ParseError(f"{raw.name} has no text layer: its pages are pictures", hint=INSTALL_HINT)


def _scan_metadata(scans: Scans) -> dict[str, Any]:
    """Page numbers: whose text is OCR's, and whose images nobody read."""
    found = {
        "ocr_pages": sorted(index + 1 for index in scans.read),
        "unread_pages": [index + 1 for index in scans.unread],
    }
    return {name: pages for name, pages in found.items() if pages}


def _outline(pdf: pdfium.PdfDocument) -> list[OutlineEntry]:
    """The bookmarks that lead to a page, at most a few thousand of them."""
    entries: list[OutlineEntry] = []
    for bookmark in pdf.get_toc():
        if len(entries) >= _MAX_OUTLINE:
            break
        target = bookmark.get_dest()
        page = target.get_index() if target else None
        if page is not None:
            entries.append(OutlineEntry(page, bookmark.level + 1, clean(bookmark.get_title())))
    return entries


def _metadata(properties: dict[str, str]) -> dict[str, str]:
    names = {"Title": "title", "Author": "author", "Subject": "subject", "Keywords": "keywords"}
    found = {names[key]: clean(value).strip() for key, value in properties.items() if key in names}
    for key, name in (("CreationDate", "created"), ("ModDate", "modified")):
        if match := _DATE.match(properties.get(key, "")):
            day = "-".join(part for part in match.groups()[:3] if part)
            time = ":".join(part for part in match.groups()[3:] if part)
            found[name] = f"{day}T{time}" if time and len(day) == 10 else day
    return {key: value for key, value in found.items() if value}


def _opened(raw: RawDocument) -> pdfium.PdfDocument:
    """The document, by the first password that fits where it needs one.

    Raises:
        ParseError: it is damaged, or none fits.
    """
    import pypdfium2 as pdfium
    from pypdfium2.raw import FPDF_ERR_PASSWORD

    try:
        return pdfium.PdfDocument(raw.data)
    except pdfium.PdfiumError as error:
        if error.err_code == FPDF_ERR_PASSWORD:
            for password in os.environ.get(PASSWORDS, "").splitlines():
                with suppress(pdfium.PdfiumError):
                    return pdfium.PdfDocument(raw.data, password=password)
        raise _refusal(raw, error) from error


def _refusal(raw: RawDocument, error: Exception) -> ParseError:
    from pypdfium2.raw import FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY

    code = getattr(error, "err_code", None)
    if code == FPDF_ERR_PASSWORD:
        hint = f"it needs a password: give it in {PASSWORDS}, or save a copy without one"
        return ParseError(f"{raw.name} is encrypted", hint=hint)
    if code == FPDF_ERR_SECURITY:
        return ParseError(
            f"{raw.name} uses an encryption that can't be read", hint="save a copy without encryption"
        )
    return ParseError(f"{raw.name} is not a readable PDF: {error}", hint="it is damaged: get a whole copy")
