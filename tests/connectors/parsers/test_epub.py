from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping

import pytest

from ragent.errors import ParseError
from ragent.types import Document

Parse = Callable[[str, bytes | str], Document]
CONTAINER = '<container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>'
XHTML = "application/xhtml+xml"


def packed(parts: Mapping[str, str], *, mimetype: bool = True) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        if mimetype:
            archive.writestr("mimetype", "application/epub+zip")
        for name, text in parts.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def book(pages: Mapping[str, str], extra: str = "") -> dict[str, str]:
    items = "".join(f'<item id="{n}" href="{n}.xhtml" media-type="{XHTML}"/>' for n in pages)
    spine = "".join(f'<itemref idref="{n}"/>' for n in pages)
    return {
        "META-INF/container.xml": CONTAINER,
        "OPS/book.opf": '<package xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>The book'
        "</dc:title><dc:creator>Ann</dc:creator></metadata>"
        f"<manifest>{items}{extra}</manifest><spine>{spine}</spine></package>",
        **{f"OPS/{name}.xhtml": page for name, page in pages.items()},
    }


def page(body: str) -> str:
    return f'<?xml version="1.0"?><html xmlns="x"><head><title/></head><body>{body}</body></html>'


def test_chapters_are_read_in_the_order_of_the_spine(parse: Parse) -> None:
    pages = {"z": page("<h1>First</h1><p>One.</p>"), "a": page("<h2>Second</h2><aside>A note.</aside>")}
    document = parse("b.epub", packed(book(pages)))
    assert document.title == "The book"
    assert document.metadata == {"title": "The book", "author": "Ann"}
    assert [(b.kind, b.level, document.text[b.start : b.end]) for b in document.blocks] == [
        ("heading", 1, "First"),
        ("paragraph", 0, "One."),
        ("heading", 2, "Second"),
        ("paragraph", 0, "A note."),
    ]


def test_a_chapter_without_heading_has_its_name_from_the_contents(parse: Parse) -> None:
    nav = '<item id="n" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>'
    parts = book({"one": page("<p>Text.</p>")}, nav)
    parts["OPS/nav.xhtml"] = page('<nav><ol><li><a href="one.xhtml#top">The first</a></li></ol></nav>')
    parts["OPS/book.opf"] = parts["OPS/book.opf"].replace("<spine>", '<spine><itemref idref="n"/>')
    assert parse("b.epub", packed(parts)).text == "The first\n\nText."


def test_the_contents_of_an_older_book_are_read_too(parse: Parse) -> None:
    ncx = '<item id="n" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'
    parts = book({"one": page("<p>Text.</p>")}, ncx)
    parts["OPS/toc.ncx"] = (
        "<ncx><navMap><navPoint><navLabel><text>The first</text></navLabel>"
        '<content src="one.xhtml"/></navPoint></navMap></ncx>'
    )
    assert parse("b.epub", packed(parts, mimetype=False)).text == "The first\n\nText."


def test_damage_is_a_parse_error(parse: Parse) -> None:
    whole = packed(book({"one": page("<p>Text.</p>")}))
    with pytest.raises(ParseError, match="damaged EPUB"):
        parse("b.epub", whole[:-30])
    with pytest.raises(ParseError, match="names no package"):
        parse("b.epub", packed({"META-INF/container.xml": "<container/>"}))
    with pytest.raises(ParseError, match="holds no text"):
        parse("b.epub", packed(book({"one": page("")})))
