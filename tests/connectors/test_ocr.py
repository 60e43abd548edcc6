from __future__ import annotations

import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pypdfium2
import pytest

from ragent.errors import ParseError
from ragent.types import Document, RawDocument
from ragent_connectors.parsers import ocr
from ragent_connectors.parsers.image import ImageParser

Parse = Callable[[str, bytes | str], Document]
MakePdf = Callable[..., bytes]
Picture = tuple[int, int, bytes]
LINES = ["The harbour master decides", "in which order they leave."]
needs_tesseract = pytest.mark.skipif(
    shutil.which("tesseract") is None,
    reason="the tesseract command is not installed (apt-get install tesseract-ocr)",
)


@pytest.fixture
def picture(make_pdf: MakePdf) -> Callable[..., Picture]:
    """Draws lines of text: width, height and grey pixels."""

    def draw(*lines: str) -> Picture:
        page = [(72, 700 - 40 * number, 24, line) for number, line in enumerate(lines)]
        with pypdfium2.PdfDocument(make_pdf([page])) as pdf:
            bitmap = pdf[0].render(scale=2, grayscale=True)
            width, height, stride, pixels = bitmap.width, bitmap.height, bitmap.stride, bytes(bitmap.buffer)
        return width, height, b"".join(pixels[row * stride :][:width] for row in range(height))

    return draw


Draw = Callable[..., Picture]


def png(picture: Picture) -> bytes:
    width, height, pixels = picture

    def piece(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + pixels[row * width : (row + 1) * width] for row in range(height))
    head = piece(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + piece(b"IDAT", zlib.compress(rows)) + piece(b"IEND", b"")


def tiff(*pictures: Picture) -> bytes:
    out = b"II*\0" + struct.pack("<I", 8)
    for number, (width, height, pixels) in enumerate(pictures, 1):
        start = len(out) + 2 + 9 * 12 + 4
        tags = {
            256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: start, 277: 1, 278: height, 279: len(pixels)
        }  # fmt: skip
        out += struct.pack("<H", len(tags)) + b"".join(
            struct.pack("<HHII", tag, 4, 1, v) for tag, v in tags.items()
        )
        after = start + len(pixels) + len(pixels) % 2
        out += struct.pack("<I", after if number < len(pictures) else 0)
        out += pixels + b"\0" * (len(pixels) % 2)
    return out


def scan_pdf(*pages: Picture | None) -> bytes:
    """A PDF of full-page images; None is a blank page."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    kids = []
    for page in pages:
        content, resources = b"", b"<< >>"
        if page:
            width, height, pixels = page
            data = zlib.compress(pixels)
            objects.append(
                b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray"
                b" /BitsPerComponent 8 /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream"
                % (width, height, len(data), data)
            )
            content, resources = (
                b"q 600 0 0 800 0 0 cm /I Do Q",
                b"<< /XObject << /I %d 0 R >> >>" % len(objects),
            )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents %d 0 R /Resources %s >>"
            % (len(objects), resources)
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), len(kids))
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, len(out))
    return out + b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table) + trailer


@needs_tesseract
def test_an_image_of_text_is_read(parse: Parse, picture: Draw) -> None:
    document = parse("a.dat", png(picture(*LINES)))
    assert document.text == " ".join(LINES)
    assert document.media_type == "image/png"
    assert document.pages == ()
    assert document.metadata["ocr_confidence"] > 60


@needs_tesseract
def test_each_image_of_a_tiff_is_a_page(parse: Parse, picture: Draw) -> None:
    document = parse("a.tif", tiff(picture(LINES[0]), picture(LINES[1])))
    pages = [(page.number, document.text[page.start : page.end].strip()) for page in document.pages]
    assert pages == [(1, LINES[0]), (2, LINES[1])]


@needs_tesseract
def test_an_image_without_text_is_an_error(parse: Parse) -> None:
    with pytest.raises(ParseError, match="without text"):
        parse("a.png", png((200, 200, b"\xff" * 40_000)))


@needs_tesseract
def test_a_damaged_image_is_an_error(parse: Parse, picture: Draw) -> None:
    with pytest.raises(ParseError, match="OCR failed"):
        parse("a.png", png(picture(*LINES))[:100])


@needs_tesseract
def test_an_image_that_unpacks_to_gigabytes_is_an_error(parse: Parse) -> None:
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 6, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + head
    data += struct.pack(">I", zlib.crc32(b"IHDR" + head)) + b"\0\0\0\0IEND\xaeB`\x82"
    with pytest.raises(ParseError, match="OCR failed"):
        parse("a.png", data)


@needs_tesseract
def test_scanned_pages_of_a_pdf_are_read(parse: Parse, picture: Draw) -> None:
    document = parse("a.pdf", scan_pdf(picture(LINES[0]), None, picture(LINES[1])))
    pages = [document.text[page.start : page.end].strip() for page in document.pages]
    assert pages == [LINES[0], "", LINES[1]]
    assert document.metadata == {"ocr_pages": [1, 3]}


def test_without_tesseract_it_says_what_to_install(
    parse: Parse, picture: Draw, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for name, data in (("a.png", png(picture(*LINES))), ("a.pdf", scan_pdf(picture(*LINES)))):
        with pytest.raises(ParseError, match=r"(?s)OCR.*tesseract-ocr"):
            parse(name, data)


def test_a_page_that_nobody_read_is_named(
    parse: Parse, picture: Draw, make_pdf: MakePdf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (
        pypdfium2.PdfDocument(make_pdf([[(72, 700, 12, "A page of text.")]])) as pdf,
        pypdfium2.PdfDocument(scan_pdf(picture(*LINES))) as scan,
    ):
        pdf.import_pages(scan)
        path = tmp_path / "mixed.pdf"
        pdf.save(path)
    monkeypatch.setenv("PATH", "")
    document = parse("a.pdf", path.read_bytes())
    assert document.text == "A page of text."
    assert document.metadata["unread_pages"] == [2]


def test_tesseract_is_told_the_languages_and_ended_in_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = tmp_path / "tesseract"
    fake.write_text('#!/bin/sh\ncase "$*" in *deu+eng*) exec sleep 60;; esac\nexit 1\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(ocr, "_SECONDS", 1)
    with pytest.raises(ParseError, match="OCR failed"):
        ocr.read_image(b"x")
    monkeypatch.setenv("OCR_LANGUAGES", "deu+eng")
    with pytest.raises(ParseError, match="took over 1 s"):
        ocr.read_image(b"x")


def test_what_it_is_not_sure_of_is_not_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    head = "level page_num block_num par_num line_num word_num left top width height conf text"
    words = {"sure-": 96, "ly": 90, "maybe": 40, "x~": 12}
    rows = [f"5 1 1 1 {line} 1 0 0 9 9 {conf} {word}" for line, (word, conf) in enumerate(words.items())]
    table = tmp_path / "table"
    fake = tmp_path / "tesseract"
    fake.write_text(f"#!/bin/sh\ncat > /dev/null; cat {table}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    table.write_text("\n".join([head, *rows]).replace(" ", "\t") + "\n")
    (page,) = ocr.read_image(b"x")
    assert page.paragraphs == ("surely maybe",)
    table.write_text("\n".join([head, *rows[2:]]).replace(" ", "\t") + "\n")
    with pytest.raises(ParseError, match=r"(?s)not sure enough.*OCR_LANGUAGES"):
        ocr.read_image(b"x")


def test_images_are_known_by_their_first_bytes() -> None:
    bmp = b"BM" + bytes(8) + b"\x36\0\0\0" + b"\x28\0\0\0"
    by_magic = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"II*\0", b"MM\0*", b"GIF89a")
    for data in (*by_magic, bmp, b"RIFF\0\0\0\0WEBPVP8 ", b"P5 30 40 255\n"):
        assert ImageParser().accepts(RawDocument("file:///a.txt", "a.txt", data)) > 0.5
    for data in (b"words", b"BMW builds cars.", b"P1 is the first pier."):
        assert ImageParser().accepts(RawDocument("file:///a.png", "a.png", data)) == 0
