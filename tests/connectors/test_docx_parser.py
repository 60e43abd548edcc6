from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from ragent.errors import ParseError
from ragent.types import Document, RawDocument
from ragent_connectors.parsers.docx import DocxParser

Parse = Callable[[str, bytes | str], Document]


def saved(word: Any) -> bytes:
    buffer = io.BytesIO()
    word.save(buffer)
    return buffer.getvalue()


def changed(data: bytes, part: str, old: str, new: str) -> bytes:
    """The archive with text replaced in one of its parts."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(buffer, "w") as after:
        for entry in before.infolist():
            content = before.read(entry)
            if entry.filename == part:
                assert old.encode() in content
                content = content.replace(old.encode(), new.encode())
            after.writestr(entry.filename, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def with_body(*xml: str) -> bytes:
    word = docx.Document()
    for piece in xml:
        word.element.body.insert(
            len(word.element.body) - 1, parse_xml(piece.replace("W>", nsdecls("w") + ">", 1))
        )
    return saved(word)


def shape(document: Document) -> list[tuple[str, int, str]]:
    return [(b.kind, b.level, document.text[b.start : b.end]) for b in document.blocks]


def test_a_document_is_read_in_its_order(parse: Parse) -> None:
    word = docx.Document()
    word.add_heading("Refunds", 0)
    word.add_heading("Rules", 1)
    word.add_paragraph("Ask within 30 days.\nKeep\tthe receipt.")
    word.add_paragraph("by post", style="List Bullet")
    word.add_paragraph("in a shop", style="List Number")
    table = word.add_table(2, 2)
    for cell, text in zip(table._cells, ("Amount", "Who", "500", "a\nmanager"), strict=True):
        cell.text = text
    word.add_heading("Deeper", 2)
    word.add_paragraph("Last.")
    assert shape(parse("a.docx", saved(word))) == [
        ("heading", 1, "Refunds"),
        ("heading", 1, "Rules"),
        ("paragraph", 0, "Ask within 30 days.\nKeep\tthe receipt."),
        ("list", 0, "- by post\n- in a shop"),
        ("table", 0, "Amount | Who\n500 | a manager"),
        ("heading", 2, "Deeper"),
        ("paragraph", 0, "Last."),
    ]


def test_core_properties_become_metadata(parse: Parse) -> None:
    word = docx.Document()
    word.add_paragraph("x")
    word.core_properties.title = "Refund policy"
    word.core_properties.author = "Ann"
    word.core_properties.created = datetime(2024, 1, 31, 12, tzinfo=UTC)
    document = parse("a.docx", saved(word))
    assert document.title == "Refund policy"
    assert document.metadata["author"] == "Ann"
    assert document.metadata["created"].startswith("2024-01-31T12:00:00")


@pytest.mark.parametrize("title", ["Word Document", "   ", "…"])
def test_a_title_that_says_nothing_gives_way(parse: Parse, title: str) -> None:
    word = docx.Document()
    word.core_properties.title = title
    word.add_paragraph("x")
    assert parse("the policy.docx", saved(word)).title == "the policy"


def test_a_style_based_on_a_heading_is_one(parse: Parse) -> None:
    word = docx.Document()
    style = word.styles.add_style("Company chapter", 1)
    style.base_style = word.styles["Heading 2"]
    word.add_paragraph("Chapter", style=style)
    assert shape(parse("a.docx", saved(word))) == [("heading", 2, "Chapter")]


def test_content_that_simple_readers_miss_is_read(parse: Parse) -> None:
    data = with_body(
        "<w:sdt W><w:sdtContent><w:p><w:r><w:t>in a control</w:t></w:r></w:p></w:sdtContent></w:sdt>",
        "<w:p W><w:ins><w:r><w:t>inserted</w:t></w:r></w:ins>"
        "<w:del><w:r><w:delText>deleted</w:delText></w:r></w:del></w:p>",
        "<w:p W><w:hyperlink><w:r><w:t>linked</w:t></w:r></w:hyperlink></w:p>",
        "<w:p W><w:r><w:t>outer</w:t><w:pict><w:txbxContent><w:p><w:r><w:t>in a box</w:t></w:r></w:p>"
        "</w:txbxContent></w:pict></w:r></w:p>",
        "<w:p W><w:r><w:t>non</w:t><w:noBreakHyphen/><w:t>stop</w:t></w:r></w:p>",
    )
    assert [text for _, _, text in shape(parse("a.docx", data))] == [
        "in a control",
        "inserted",
        "linked",
        "outer",
        "in a box",
        "non-stop",
    ]


def test_a_merged_cell_stands_once_and_a_nested_table_in_its_cell(parse: Parse) -> None:
    word = docx.Document()
    table = word.add_table(2, 2)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "wide"
    table.cell(1, 0).text = "left"
    table.cell(1, 1).add_table(1, 2).cell(0, 0).text = "inner"
    assert shape(parse("a.docx", saved(word))) == [("table", 0, "wide\nleft | inner")]


def test_foot_notes_follow_the_text(parse: Parse) -> None:
    word = docx.Document()
    word.add_paragraph("Body.")
    part = docx.opc.part.Part(
        docx.opc.packuri.PackURI("/word/footnotes.xml"),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml",
        (
            f"<w:footnotes {nsdecls('w')}><w:footnote w:type='separator'><w:p><w:r><w:t>-</w:t></w:r></w:p>"
            "</w:footnote><w:footnote><w:p><w:r><w:t>The note.</w:t></w:r></w:p></w:footnote></w:footnotes>"
        ).encode(),
        word.part.package,
    )
    word.part.relate_to(part, "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes")
    assert parse("a.docx", saved(word)).text == "Body.\n\nThe note."


def test_an_empty_document_is_refused(parse: Parse) -> None:
    with pytest.raises(ParseError, match="holds no text"):
        parse("a.docx", saved(docx.Document()))


def test_entities_are_never_read_from_files(parse: Parse, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    word = docx.Document()
    word.add_paragraph("MARK")
    declaration = f'<!DOCTYPE w:document [<!ENTITY leak SYSTEM "{secret.as_uri()}">]>'
    data = changed(saved(word), "word/document.xml", "MARK", "seen &leak; end")
    data = changed(data, "word/document.xml", "<w:document", declaration + "<w:document")
    assert "secret" not in parse("a.docx", data).text


def test_entities_are_never_expanded(parse: Parse) -> None:
    word = docx.Document()
    word.add_paragraph("MARK")
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    data = changed(saved(word), "word/document.xml", "MARK", "seen &e11; end")
    data = changed(
        data, "word/document.xml", "<w:document", f'<!DOCTYPE d [<!ENTITY e0 "bomb">{levels}]><w:document'
    )
    with suppress(ParseError):  # some versions of libxml2 refuse it outright
        assert len(parse("a.docx", data).text) < 100


@pytest.mark.parametrize("part", ["word/document.xml", "word/media/image.bin"])
def test_a_zip_bomb_is_refused_unopened(parse: Parse, part: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", "<w:document/>")
        archive.writestr(part if part.endswith("bin") else "word/more.xml", bytes(40_000_000))
    with pytest.raises(ParseError, match=r"would unpack to 40 MB"):
        parse("a.docx", buffer.getvalue())


def test_damage_is_a_parse_error(parse: Parse) -> None:
    word = docx.Document()
    word.add_paragraph("words " * 500)
    whole = saved(word)
    for data in (whole[: len(whole) // 2], whole[:-30]):
        with pytest.raises(ParseError, match="DOCX"):
            parse("a.docx", data)
    with pytest.raises(ParseError, match="a damaged DOCX"):
        parse("a.docx", changed(whole, "word/document.xml", "<w:body>", "<w:bodi>"))


@pytest.mark.parametrize(
    "part", ["word/styles.xml", "docProps/core.xml", "[Content_Types].xml", "word/_rels/document.xml.rels"]
)
@pytest.mark.parametrize("damage", [b"nonsense", None])
def test_the_text_is_read_without_the_parts_that_dress_it(
    parse: Parse, part: str, damage: bytes | None
) -> None:
    word = docx.Document()
    word.add_paragraph("The text.")
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved(word))) as before, zipfile.ZipFile(buffer, "w") as after:
        for entry in before.infolist():
            content = damage if entry.filename == part else before.read(entry)
            if content is not None:
                after.writestr(entry.filename, content)
    assert parse("a.docx", buffer.getvalue()).text == "The text."


def test_strict_documents_are_read(parse: Parse) -> None:
    word = docx.Document()
    word.add_heading("Top", 1)
    data = saved(word)
    transitional = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    for part in ("word/document.xml", "word/styles.xml"):
        data = changed(data, part, transitional, "http://purl.oclc.org/ooxml/wordprocessingml/main")
    assert shape(parse("a.docx", data)) == [("heading", 1, "Top")]


def test_comments_headers_and_footers_follow_and_hidden_text_does_not(parse: Parse) -> None:
    word = docx.Document()
    paragraph = word.add_paragraph("Seen. ")
    paragraph.add_run("Unseen.").font.hidden = True
    word.add_comment(paragraph.runs[0], "Is it so?", "Ann", "A")
    word.sections[0].header.paragraphs[0].text = "Confidential"
    word.sections[0].footer.paragraphs[0].text = "7"
    document = parse("a.docx", saved(word))
    assert [(b.label, document.text[b.start : b.end]) for b in document.blocks] == [
        ("", "Seen."),
        ("comment", "Is it so?"),
        ("header", "Confidential"),
    ]


def test_an_encrypted_document_needs_a_password(parse: Parse) -> None:
    data = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le")
    with pytest.raises(ParseError, match=r"is encrypted\n.*password"):
        parse("a.docx", data)


def test_other_archives_are_not_taken() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    assert DocxParser().accepts(RawDocument("file:///a", "a.docx", buffer.getvalue())) == 0
