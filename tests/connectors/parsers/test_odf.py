from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ragent.errors import ParseError
from ragent.types import Document, Page

Parse = Callable[[str, bytes | str], Document]
OASIS = "urn:oasis:names:tc:opendocument:xmlns"
SPACES = " ".join(
    f'xmlns:{name}="{OASIS}:{place}:1.0"'
    for name, place in [
        *((name, name) for name in ("office", "text", "table", "meta", "presentation")),
        ("draw", "drawing"),
    ]
)


def packed(kind: str, body: str, *, meta: str = "", manifest: str = "<manifest/>", before: str = "") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}", zipfile.ZIP_STORED)
        archive.writestr(
            "content.xml",
            f"{before}<office:document-content {SPACES}><office:body><office:{kind}>{body}</office:{kind}>"
            "</office:body></office:document-content>",
        )
        archive.writestr("meta.xml", f"<office:document-meta {SPACES}>{meta}</office:document-meta>")
        archive.writestr("META-INF/manifest.xml", manifest)
    return buffer.getvalue()


def shape(document: Document) -> list[tuple[str, int, str, str]]:
    return [(b.kind, b.level, b.label, document.text[b.start : b.end]) for b in document.blocks]


def test_a_text_is_read_in_its_order(parse: Parse) -> None:
    body = """
    <text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>
    <text:h text:outline-level="1">Refunds</text:h>
    <text:p>Ask   within<text:s text:c="2"/>30
      <text:span>days</text:span>.<text:line-break/>Keep<text:tab/>it<text:note><text:note-citation>1
      </text:note-citation><text:note-body><text:p>A note.</text:p></text:note-body></text:note>.</text:p>
    <text:section><text:list><text:list-item><text:p>by post</text:p><text:list><text:list-item>
      <text:p>or mail</text:p></text:list-item></text:list></text:list-item></text:list></text:section>
    <table:table><table:table-row><table:table-cell><text:p>Amount</text:p></table:table-cell>
      <table:table-cell><text:p>Who</text:p></table:table-cell></table:table-row>
      <table:table-row><table:table-cell><text:p>500</text:p></table:table-cell>
      <table:table-cell><text:p>a</text:p><text:p>manager</text:p></table:table-cell></table:table-row>
    </table:table>"""
    document = parse("a.odt", packed("text", body, meta="<meta:title>My title</meta:title>"))
    assert document.title == "My title"
    assert shape(document) == [
        ("heading", 1, "", "Refunds"),
        ("paragraph", 0, "", "Ask within  30 days.\nKeep\tit."),
        ("paragraph", 0, "", "A note."),
        ("list", 0, "", "- by post\n  - or mail"),
        ("table", 0, "", "Amount | Who\n500 | a manager"),
    ]


def test_slides_are_pages(parse: Parse) -> None:
    slides = "".join(
        f"""<draw:page><draw:frame><draw:text-box><text:p>Body {n}.</text:p></draw:text-box></draw:frame>
        <draw:frame presentation:class="title"><draw:text-box><text:p>Title {n}</text:p></draw:text-box>
        </draw:frame><presentation:notes><draw:frame><draw:text-box><text:p>Note {n}.</text:p></draw:text-box>
        </draw:frame></presentation:notes></draw:page>"""
        for n in (1, 2)
    )
    document = parse("a.odp", packed("presentation", slides))
    assert shape(document)[:3] == [
        ("heading", 1, "", "Title 1"),
        ("paragraph", 0, "", "Body 1."),
        ("paragraph", 0, "notes", "Note 1."),
    ]
    cut = document.text.index("Note 1.") + len("Note 1.")
    assert document.pages == (Page(1, 0, cut), Page(2, cut, len(document.text)))


def cell(text: str, extra: str = "") -> str:
    return f"<table:table-cell {extra}><text:p>{text}</text:p></table:table-cell>"


def test_sheets_know_their_rows_through_repeated_ones(parse: Parse) -> None:
    rows = (
        f"<table:table-row>{cell('name')}{cell('sum')}<table:table-cell"
        ' table:number-columns-repeated="16382"/></table:table-row>'
        '<table:table-row table:number-rows-repeated="8"><table:table-cell/></table:table-row>'
        f'<table:table-row table:number-rows-repeated="2">{cell("Anna")}{cell("3")}</table:table-row>'
        '<table:table-row table:number-rows-repeated="1048565"><table:table-cell/></table:table-row>'
    )
    sheets = f'<table:table table:name="Empty"/><table:table table:name="Sales">{rows}</table:table>'
    assert shape(parse("a.ods", packed("spreadsheet", sheets))) == [
        ("heading", 1, "", "Sales"),
        ("table", 0, "row 1", "name | sum"),
        ("table", 0, "rows 10–11", "Anna | 3\nAnna | 3"),
    ]


def test_cells_that_repeat_without_end_are_refused(parse: Parse) -> None:
    rows = (
        '<table:table-row table:number-rows-repeated="1048576">'
        + cell("x" * 1000, 'table:number-columns-repeated="16384"')
        + "</table:table-row>"
    )
    with pytest.raises(ParseError, match="repeat too often"):
        parse("a.ods", packed("spreadsheet", f"<table:table>{rows}</table:table>"))


def test_an_encrypted_document_needs_a_password(parse: Parse) -> None:
    with pytest.raises(ParseError, match="is encrypted"):
        parse("a.odt", packed("text", "", manifest="<m><encryption-data/></m>"))


def test_entities_are_never_read_from_files(parse: Parse, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    declaration = f'<!DOCTYPE d [<!ENTITY leak SYSTEM "{secret.as_uri()}">]>'
    document = parse("a.odt", packed("text", "<text:p>seen &leak; end</text:p>", before=declaration))
    assert "secret" not in document.text
    assert document.text.startswith("seen")


def test_damage_and_deep_nesting_are_parse_errors(parse: Parse) -> None:
    whole = packed("text", "<text:p>words</text:p>")
    with pytest.raises(ParseError, match="damaged OpenDocument"):
        parse("a.odt", whole[:-30])
    nested = "<text:section>" * 5000 + "<text:p>x</text:p>" + "</text:section>" * 5000
    with pytest.raises(ParseError, match="damaged OpenDocument"):
        parse("a.odt", packed("text", nested))
    with pytest.raises(ParseError, match="holds no text"):
        parse("a.odt", packed("text", ""))
