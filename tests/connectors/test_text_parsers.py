from __future__ import annotations

import codecs
from collections.abc import Callable

import pytest

from ragent.errors import ParseError
from ragent.types import Document, RawDocument
from ragent_connectors.parsers.markdown import MarkdownParser
from ragent_connectors.parsers.rst import RstParser
from ragent_connectors.parsers.text import TextParser

Parse = Callable[[str, bytes | str], Document]


def shape(document: Document) -> list[tuple[str, int, str]]:
    return [(b.kind, b.level, document.text[b.start : b.end]) for b in document.blocks]


def test_plain_text_has_a_block_for_each_paragraph(parse: Parse) -> None:
    document = parse("notes.txt", "One line\nand another.  \n \t\n\nNext.\r\n\r\nLast.")
    assert document.text == "One line\nand another.  \n \t\n\nNext.\n\nLast."
    assert [text for _, _, text in shape(document)] == ["One line\nand another.", "Next.", "Last."]
    assert document.title == "notes"
    assert document.media_type == "text/plain"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_byte_order_mark_tells_the_encoding(parse: Parse, encoding: str) -> None:
    assert parse("a.txt", ("\ufeff" + "Grüße, 世界").encode(encoding)).text == "Grüße, 世界"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_is_recognised_without_a_mark(parse: Parse, encoding: str) -> None:
    assert parse("a.txt", "Plain words of a Windows file.".encode(encoding)).text.startswith("Plain words")


def test_other_encodings_are_detected(parse: Parse) -> None:
    text = "Die Prüfung der Maße ergab größere Abweichungen als üblich; das Äußere blieb schön. " * 5
    assert parse("a.txt", text.encode("cp1252")).text == text
    text = "Съешь же ещё этих мягких французских булок, да выпей чаю. " * 5
    assert parse("a.txt", text.encode("cp1251")).text == text


def test_one_broken_byte_does_not_spoil_a_utf8_file(parse: Parse) -> None:
    good = "Größe für Größe. ".encode() * 20
    assert parse("a.txt", good + b"\xff" + good).text.count("Größe") == 80


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", bytes(range(1, 9)) * 50, b"text\0with a zero byte"]
)
@pytest.mark.parametrize("parser", [TextParser(), MarkdownParser(), RstParser()])
def test_binary_content_under_a_texts_name_is_refused(
    data: bytes, parser: TextParser | MarkdownParser | RstParser
) -> None:
    raw = RawDocument("file:///notes.md", "notes.md", data)
    assert parser.accepts(raw) == 0
    with pytest.raises(ParseError, match=r"notes\.md is binary"):
        parser.parse(raw)


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.rst"])
@pytest.mark.parametrize("data", [b"", b" \n\t\r\n", codecs.BOM_UTF8 + b"\n", " \n".encode("utf-16")])
def test_a_file_without_text_is_refused(parse: Parse, name: str, data: bytes) -> None:
    with pytest.raises(ParseError, match="is empty"):
        parse(name, data)


def test_postscript_is_refused_with_a_way_out(parse: Parse) -> None:
    with pytest.raises(ParseError, match=r"is PostScript\n.*save it as DOCX"):
        parse("letter.txt", "%!PS-Adobe-3.0\n(Hello) show")


def test_markdown_keeps_the_files_text_and_finds_its_blocks(parse: Parse) -> None:
    source = (
        "# The *Guide* #\n\nIntro\nline two.\n\nSetext\n---\n\n- one\n- two\n\n  more\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n```py\n# no heading\n```\n\n> said\n> so\n\n***\n\nEnd."
    )
    document = parse("guide.md", source)
    assert document.text == source
    assert document.title == "The Guide"
    assert shape(document) == [
        ("heading", 1, "# The *Guide* #"),
        ("paragraph", 0, "Intro\nline two."),
        ("heading", 2, "Setext\n---"),
        ("list", 0, "- one\n- two\n\n  more"),
        ("table", 0, "| a | b |\n|---|---|\n| 1 | 2 |"),
        ("code", 0, "```py\n# no heading\n```"),
        ("quote", 0, "> said\n> so"),
        ("paragraph", 0, "End."),
    ]


def test_front_matter_is_metadata_and_offsets_stay(parse: Parse) -> None:
    source = '---\ntitle: "The real title"\nauthor: Ann\ntags:\n  - x\n---\n# Heading\n\nBody.\n'
    document = parse("a.md", source)
    assert document.title == "The real title"
    assert document.metadata == {"title": "The real title", "author": "Ann", "tags": ["x"]}
    assert "real title" not in document.text
    assert document.text.index("Body.") == source.index("Body.")
    assert len(document.text) == len(source)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("year: 2020", 2020),
        ("ratio: -1.5", -1.5),
        ("zip: 01067", "01067"),
        ("date: 2024-05-01", "2024-05-01"),
        ("draft: True # yes", True),
        ("quoted: '7'", "7"),
        ("nothing: ~", None),
        ('langs: [de, "en, us", 3]', ["de", "en, us", 3]),
        ("mails:\n- a # b\n- 4", ["a", 4]),
        ("url: https://a.b/#c", "https://a.b/#c"),
    ],
)
def test_front_matter_has_types(parse: Parse, line: str, value: object) -> None:
    document = parse("a.md", f"---\ntitle: 1984\nnested:\n  key: value\nempty:\n{line}\n---\nBody.\n")
    assert document.title == "1984"
    assert document.metadata == {"title": 1984, line.split(":")[0]: value}


def test_a_rule_at_the_top_is_no_front_matter(parse: Parse) -> None:
    source = "---\n\nJust text.\n\n---\n"
    assert parse("a.md", source).text == source


def test_only_front_matter_is_no_text(parse: Parse) -> None:
    with pytest.raises(ParseError, match="front matter"):
        parse("a.md", "---\ntitle: x\n---\n\n")


def test_markdown_with_unicode_line_ends_keeps_its_offsets(parse: Parse) -> None:
    document = parse("a.md", "one\u2028two\x0cthree\n\n# Head\n\nend")
    assert shape(document)[-2:] == [("heading", 1, "# Head"), ("paragraph", 0, "end")]


def test_rst_sections_take_their_level_from_the_order_of_styles(parse: Parse) -> None:
    source = (
        "======\nManual\n======\n\nText.\n\nPart\n====\n\nMore.\n\nSub\n~~~\n\nDeep.\n\nPart 2\n======\n\nx\n"
        "\n----\n\nafter\n"
    )
    document = parse("a.rst", source)
    assert document.text == source
    assert document.title == "Manual"
    assert [(level, text.split("\n")[-2]) for kind, level, text in shape(document) if kind == "heading"] == [
        (1, "Manual"),
        (2, "Part"),
        (3, "Sub"),
        (2, "Part 2"),
    ]
    assert shape(document)[-1] == ("paragraph", 0, "after")


def test_rst_blocks(parse: Parse) -> None:
    source = (
        "Example::\n\n    code = 1\n\n    more\n\nAfter.\n\n"
        ".. code-block:: python\n   :linenos:\n\n   x = 2\n\n"
        "* one\n\n  still one\n* two\n\nPara.\n\n"
        "+---+---+\n| a | b |\n+---+---+\n\n"
        "===  ===\nA    B\n===  ===\n1    2\n===  ===\n\n"
        ">>> 1 + 1\n2\n\n.. note:: Mind\n   the gap.\n"
    )
    assert shape(parse("a.rst", source)) == [
        ("paragraph", 0, "Example::"),
        ("code", 0, "    code = 1\n\n    more"),
        ("paragraph", 0, "After."),
        ("code", 0, ".. code-block:: python\n   :linenos:\n\n   x = 2"),
        ("list", 0, "* one\n\n  still one\n* two"),
        ("paragraph", 0, "Para."),
        ("table", 0, "+---+---+\n| a | b |\n+---+---+"),
        ("table", 0, "===  ===\nA    B\n===  ===\n1    2\n===  ==="),
        ("code", 0, ">>> 1 + 1\n2"),
        ("paragraph", 0, ".. note:: Mind\n   the gap."),
    ]


def test_a_pep_header_gives_title_and_metadata(parse: Parse) -> None:
    source = "PEP: 8\nTitle: Style Guide\nAuthor: A. One,\n        B. Two\n\nIntro\n=====\n\nText.\n"
    document = parse("pep-0008.rst", source)
    assert document.title == "Style Guide"
    assert document.metadata == {"pep": "8", "title": "Style Guide", "author": "A. One, B. Two"}
    assert shape(document)[0][0] == "paragraph"


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("a.md", "text/markdown"), ("a.RST", "text/x-rst"), ("a.txt", "text/plain"), ("a", "text/plain")],
)
def test_among_text_formats_the_suffix_decides(parse: Parse, name: str, media_type: str) -> None:
    assert parse(name, "Words.").media_type == media_type


@pytest.mark.parametrize("mark", [">", "[", "* ", "#", "`", "|", "=", "- ", "+-", "..\n"])
@pytest.mark.parametrize("name", ["a.md", "a.rst"])
def test_long_runs_of_marks_are_read(parse: Parse, name: str, mark: str) -> None:
    assert parse(name, mark * 20_000 + "\n\nend").text.endswith("end")


RUSSIAN = "Совет рассмотрел план порта. Рабочие начнут в понедельник.\n"
CHINESE = "委员会审查了港口计划，并决定在冬季之前建造新墙。工人们将于星期一开始工作。\n"
ENGLISH = "The council reviewed the plan.\n"


@pytest.mark.parametrize("text", [RUSSIAN, CHINESE, ENGLISH])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_encodings_need_no_byte_order_mark(parse: Parse, text: str, encoding: str) -> None:
    assert parse("a.txt", text.encode(encoding)).text == text


def test_seven_bit_japanese_is_read(parse: Parse) -> None:
    text = "委員会は港の計画を検討した。\n"
    assert parse("a.txt", text.encode("iso2022_jp")).text == text


def test_any_line_end_will_do(parse: Parse) -> None:
    assert parse("a.txt", b"one\rtwo\r\nthree\nfour\x0bfive").text == "one\ntwo\nthree\nfour\x0bfive"


def test_a_page_that_calls_itself_utf_8_may_be_wrong(parse: Parse) -> None:
    page = b'<html><head><meta charset="utf-8"></head><body><p>' + (RUSSIAN * 5).encode("cp1251")
    assert parse("a.html", page).text.startswith("Совет рассмотрел")
