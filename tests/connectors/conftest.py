"""Files that the tests of the parsers read, made from nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ragent import registry
from ragent.types import Document, RawDocument

Bookmark = tuple[str, int]
Line = tuple[float, float, float, str]


@dataclass
class PdfMaker:
    """Writes a PDF by hand. A page is a list of lines: x, y, font size, text (Latin-1)."""

    objects: list[bytes] = field(default_factory=list)
    bold: Sequence[str] = ()

    def __call__(
        self,
        pages: Sequence[Sequence[Line]],
        *,
        title: str = "",
        bookmarks: Sequence[Bookmark] = (),
        locked: bool = False,
        bold: Sequence[str] = (),
    ) -> bytes:
        self.objects = []
        self.bold = bold
        fonts = [
            self._add(b"<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding >>" % name)
            for name in (b"Helvetica", b"Helvetica-Bold")
        ]
        tree = len(self.objects) + 2 * len(pages) + 1
        leaves = [self._page(page, fonts, tree) for page in pages]
        kids = b" ".join(b"%d 0 R" % leaf for leaf in leaves)
        assert self._add(b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(pages))) == tree
        outline = self._outline(bookmarks, leaves)
        info = self._add(b"<< /Title (%s) /CreationDate (D:20240131120000Z) >>" % title.encode("latin-1"))
        root = self._add(b"<< /Type /Catalog /Pages %d 0 R %s >>" % (tree, outline))
        lock = b""
        if locked:  # the standard handler, with hashes that no empty password gives
            key = b"<" + b"5a" * 32 + b">"
            lock = b"/Encrypt << /Filter /Standard /V 1 /R 2 /O %s /U %s /P -4 >> /ID [<00> <00>]" % (
                key,
                key,
            )
        return self._file(b"/Root %d 0 R /Info %d 0 R %s" % (root, info, lock))

    def _add(self, body: bytes) -> int:
        self.objects.append(body)
        return len(self.objects)

    def _page(self, lines: Sequence[Line], fonts: Sequence[int], tree: int) -> int:
        shown = b"".join(
            b"BT /F%d %g Tf 1 0 0 1 %g %g Tm (%s) Tj ET\n"
            % (
                2 if text in self.bold else 1,
                size,
                x,
                y,
                text.encode("cp1252").replace(b"(", b"\\(").replace(b")", b"\\)"),
            )
            for x, y, size, text in lines
        )
        content = self._add(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(shown), shown))
        return self._add(
            b"<< /Type /Page /Parent %d 0 R /MediaBox [0 0 600 800] /Contents %d 0 R"
            b" /Resources << /Font << /F1 %d 0 R /F2 %d 0 R >> >> >>" % (tree, content, *fonts)
        )

    def _outline(self, bookmarks: Sequence[Bookmark], leaves: Sequence[int]) -> bytes:
        if not bookmarks:
            return b""
        root = len(self.objects) + len(bookmarks) + 1
        first = len(self.objects) + 1
        for index, (name, page) in enumerate(bookmarks):
            after = b"/Next %d 0 R" % (first + index + 1) if index + 1 < len(bookmarks) else b""
            self._add(
                b"<< /Title (%s) /Parent %d 0 R /Dest [%d 0 R /Fit] %s >>"
                % (name.encode("latin-1"), root, leaves[page], after)
            )
        last = len(self.objects)
        self._add(b"<< /First %d 0 R /Last %d 0 R /Count %d >>" % (first, last, len(bookmarks)))
        return b"/Outlines %d 0 R" % root

    def _file(self, trailer: bytes) -> bytes:
        out = b"%PDF-1.4\n"
        places = []
        for number, body in enumerate(self.objects, 1):
            places.append(len(out))
            out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
        start = len(out)
        out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
        out += b"".join(b"%010d 00000 n \n" % place for place in places)
        return out + b"trailer << /Size %d %s >>\nstartxref\n%d\n%%%%EOF" % (len(places) + 1, trailer, start)


def _escaped(text: str) -> bytes:
    return text.encode("cp1252").replace(b"(", b"\\(").replace(b")", b"\\)")


@pytest.fixture
def make_pdf() -> PdfMaker:
    return PdfMaker()


@pytest.fixture
def parse() -> Callable[[str, bytes | str], Document]:
    """Parses with the surest of all registered parsers, and checks what must hold for every document."""

    def parsed(name: str, data: bytes | str) -> Document:
        raw = RawDocument(Path("/" + name).as_uri(), name, data.encode() if isinstance(data, str) else data)
        parsers = [kind() for kind in registry.load_all("ragent.parsers").values()]
        document: Document = max(parsers, key=lambda parser: parser.accepts(raw)).parse(raw)
        position = 0
        for block in document.blocks:
            assert position <= block.start < block.end <= len(document.text)
            assert (block.level > 0) == (block.kind == "heading")
            position = block.end
        assert document.text.encode("utf-8")
        assert document.title
        return document

    return parsed
