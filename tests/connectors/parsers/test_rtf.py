from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragent.errors import ParseError
from ragent.types import Document, RawDocument
from ragent_connectors.parsers.rtf import RtfParser

Parse = Callable[[str, bytes | str], Document]


def shape(document: Document) -> list[tuple[str, int, str]]:
    return [(b.kind, b.level, document.text[b.start : b.end]) for b in document.blocks]


def test_headings_paragraphs_lists_tables_and_notes_are_read(parse: Parse) -> None:
    document = parse(
        "letter.txt",
        r"{\rtf1\ansi{\fonttbl{\f0 Times;}}{\stylesheet{\s0 Normal;}{\s1 heading 1;}}{\info{\title My letter}"
        r"{\author Ann}}{\header every page}\pard\s1 Refunds\par\pard Ask {\b within} 30\line days{\footnote "
        r"A note.} please.\par{\listtext\u8226?\tab}by post\par{\listtext 1.\tab}by mail\par"
        r"\trowd\intbl Amount\cell Who\cell\row\intbl 500\cell a \par manager\cell\row\pard"
        r"\outlinelevel1 Deeper\par\pard{\*\unknown gone}"
        r"{\field{\*\fldinst HYPERLINK x}{\fldrslt link}}{\v no}}",
    )
    assert document.title == "My letter"
    assert document.metadata == {"title": "My letter", "author": "Ann"}
    assert shape(document) == [
        ("heading", 1, "Refunds"),
        ("paragraph", 0, "Ask within 30\ndays please."),
        ("paragraph", 0, "A note."),
        ("list", 0, "- by post\n1. by mail"),
        ("table", 0, "Amount | Who\n500 | a manager"),
        ("heading", 2, "Deeper"),
        ("paragraph", 0, "link"),
    ]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"\'80 and \u8364?", "€ and €"),
        (r"\uc2\u8364\'80\'80!", "€!"),
        (r"\u-10179?\u-8704?", "😀"),
        (r"\ansicpg1251\'cf\'f0", "Пр"),
        (r"{\fonttbl{\f3\fcharset128 Gothic;}}{\f3\'93\'fa\'96\'7b}", "日本"),
        (r"a\~b\_c\emdash\{\}\\", "a\xa0b\u2011c—{}\\"),
        ("one\n two\\\nthree", "one two\n\nthree"),
        (r"x\bin3 }}}y", "xy"),
    ],
)
def test_characters_come_from_their_code_page(parse: Parse, source: str, text: str) -> None:
    assert parse("a.rtf", r"{\rtf1\ansi " + source + "}").text == text


def test_an_empty_document_is_refused(parse: Parse) -> None:
    with pytest.raises(ParseError, match="holds no text"):
        parse("a.rtf", r"{\rtf1{\pict 00ff}}")


def test_groups_without_end_are_read(parse: Parse) -> None:
    assert parse("a.rtf", r"{\rtf1 " + "{" * 100_000 + "x").text == "x"
    assert parse("a.rtf", r"{\rtf1 x" + r"{\field{\*\fldinst{" * 10_000).text == "x"
    assert parse("a.rtf", r"{\rtf1 }}}}x\par").text == "x"


@given(
    st.lists(
        st.sampled_from(
            [
                "{",
                "}",
                "\\par ",
                "\\'ff",
                "\\'93",
                "\\u-10179?",
                "\\uc9 ",
                "\\cell ",
                "\\row ",
                "\\footnote ",
                "\\*",
                "x",
                "\\info",
                "\\title ",
                "\\f9 ",
                "\\fonttbl",
                "\\fcharset128 ",
                "\\bin5",
                "\\",
                "é",
                "\\listtext ",
            ]
        ),
        max_size=40,
    )
)
def test_nothing_but_a_parse_error_comes_of_damage(parts: list[str]) -> None:
    data = ("{\\rtf1 x" + "".join(parts)).encode("latin-1")
    try:
        document = RtfParser().parse(RawDocument("file:///a", "a.rtf", data))
    except ParseError:
        return
    assert document.text.encode("utf-8")
