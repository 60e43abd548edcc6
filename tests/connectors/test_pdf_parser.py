from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest

from ragent.errors import ParseError
from ragent.types import Document, RawDocument
from ragent_connectors.parsers.pdf import PdfParser

Parse = Callable[[str, bytes | str], Document]
MakePdf = Callable[..., bytes]

PROSE = [
    "The harbour master is responsible for every vessel that lies at the quay,",
    "and decides in which order they leave when the weather is bad and the",
    "entrance is narrow. Nobody may leave without a word from the watch-",
    "house, by day or by night, in any weather.",
]
MORE = [
    "A second paragraph follows after a gap, as paragraphs usually do in print,",
    "and it says that the log is kept for ten years and then burnt.",
]


def column(
    lines: list[str], top: float, x: float = 72, size: float = 11
) -> list[tuple[float, float, float, str]]:
    return [(x, top - 14 * index, size, line) for index, line in enumerate(lines)]


def shape(document: Document) -> list[tuple[str, int, str]]:
    return [(b.kind, b.level, document.text[b.start : b.end]) for b in document.blocks]


def test_lines_become_paragraphs_and_large_type_headings(parse: Parse, make_pdf: MakePdf) -> None:
    page = [
        (72, 760, 20, "Handbook"),
        (72, 730, 14, "1. The harbour"),
        *column(PROSE, 700),
        *column(MORE, 620),
    ]
    assert shape(parse("a.pdf", make_pdf([page]))) == [
        ("heading", 1, "Handbook"),
        ("heading", 2, "1. The harbour"),
        ("paragraph", 0, " ".join(PROSE).replace("watch- house", "watchhouse")),
        ("paragraph", 0, " ".join(MORE)),
    ]


def test_an_indented_line_begins_a_paragraph(parse: Parse, make_pdf: MakePdf) -> None:
    lines = column([*PROSE, *MORE], 700)
    lines[4] = (90, *lines[4][1:])
    document = parse("a.pdf", make_pdf([lines]))
    assert [text[:8] for _, _, text in shape(document)] == ["The harb", "A second"]


def grid(rows: list[tuple[str, ...]], places: tuple[int, ...]) -> list[tuple[float, float, float, str]]:
    return [
        (x, 600 - 16 * n, 11, text)
        for n, row in enumerate(rows)
        for x, text in zip(places, row, strict=True)
        if text
    ]


def test_rows_of_a_table_keep_their_cells_in_columns(parse: Parse, make_pdf: MakePdf) -> None:
    rows = [("Berth", "Depth", "Crane"), ("1 Linkspan", "4.6", ""), ("2 Fish quay", "", "5 t")]
    document = parse("a.pdf", make_pdf([[*column(PROSE, 700), *grid(rows, (72, 250, 420))]]))
    assert shape(document)[-1] == (
        "table",
        0,
        "Berth | Depth | Crane\n--- | --- | ---\n1 Linkspan | 4.6\n2 Fish quay |  | 5 t",
    )


def test_labels_stand_beside_their_values(parse: Parse, make_pdf: MakePdf) -> None:
    rows = [("Name:", "Ann", "Since:", "1999"), ("Ship:", "Tern", "Berth:", "2")]
    document = parse("a.pdf", make_pdf([[*column(PROSE, 700), *grid(rows, (72, 150, 300, 380))]]))
    assert shape(document)[-1] == ("table", 0, "Name: Ann | Since: 1999\n--- | ---\nShip: Tern | Berth: 2")


def test_two_columns_are_read_one_after_the_other(parse: Parse, make_pdf: MakePdf) -> None:
    left = [f"left {n} goes on and on in words" for n in range(6)]
    right = [f"right {n} goes on and on in words" for n in range(6)]
    document = parse("a.pdf", make_pdf([grid(list(zip(left, right, strict=True)), (72, 330))]))
    assert " ".join(document.text.split()) == " ".join([*left, *right])


def test_bold_lines_of_the_bodys_size_are_headings(parse: Parse, make_pdf: MakePdf) -> None:
    pages = [[(72, 760, 11, "Entering"), *column(PROSE, 740), (72, 660, 11, "Leaving"), *column(MORE, 640)]]
    plain, bold = make_pdf(pages), make_pdf(pages, bold=("Entering", "Leaving"))
    assert [text for kind, _, text in shape(parse("a.pdf", bold)) if kind == "heading"] == [
        "Entering",
        "Leaving",
    ]
    assert not [text for kind, _, text in shape(parse("a.pdf", plain)) if kind == "heading"]


def test_bookmarks_are_headings_where_their_title_stands(parse: Parse, make_pdf: MakePdf) -> None:
    first = [
        (72, 760, 30, "ACME"),
        (72, 720, 11, "1 Scope and"),
        (72, 706, 11, "purpose"),
        *column(PROSE, 660),
    ]
    second = [*column([*MORE, "80."], 700), (72, 600, 11, "Terms")]
    bookmarks = [("Scope and Purpose", 0), ("Terms", 1), ("Not there", 1)]
    document = parse("a.pdf", make_pdf([first, second], bookmarks=bookmarks))
    assert [item for item in shape(document) if item[0] == "heading"] == [
        ("heading", 1, "1 Scope and purpose"),
        ("heading", 1, "Terms"),
    ]


def test_pages_cover_the_text(parse: Parse, make_pdf: MakePdf) -> None:
    pages = [[], column(PROSE, 700), [], column(MORE, 700), []]
    document = parse("a.pdf", make_pdf(pages, title="Microsoft Word - Harbour rules.docx"))
    assert [page.number for page in document.pages] == [1, 2, 3, 4, 5]
    assert document.pages[0].start == 0
    assert document.pages[-1].end == len(document.text)
    assert all(before.end == after.start for before, after in pairwise(document.pages))
    words = [document.text[page.start : page.end].split() for page in document.pages]
    assert [bool(found) for found in words] == [False, True, False, True, False]
    assert words[1][:2] == ["The", "harbour"]
    assert words[3] == " ".join(MORE).split()
    assert document.title == "Harbour rules"
    assert document.metadata["created"] == "2024-01-31T12:00:00"


def test_the_mark_may_stand_behind_some_rubbish(parse: Parse, make_pdf: MakePdf) -> None:
    data = make_pdf([column(PROSE, 700)])
    assert parse("scan.txt", b"\r\nrubbish\n" + data).media_type == "application/pdf"
    assert PdfParser().accepts(RawDocument("file:///a.pdf", "a.pdf", b"x" * 2000 + data)) == 0


def test_a_locked_file_needs_a_password(parse: Parse, make_pdf: MakePdf) -> None:
    with pytest.raises(ParseError, match=r"a\.pdf is encrypted\n.*password"):
        parse("a.pdf", make_pdf([column(PROSE, 700)], locked=True))


# One page that says "Behind a lock.", encrypted with the password "open sesame".
LOCKED = zlib.decompress(
    base64.b85decode(
        "c-n<izl+>P6t3bzg)3Jfgx8#HFg|HUqtOgr7DhkDcjU~OUB@vTSIq6sUSxEmwKQw)!a-650%=_4Z-^mXAcZk;=_;uLP7&h9U}Fq+"
        "<tibg-Mu@7Ev!bG@9BN-``&xAb~BS#(R$>qy?XubR}Vn|)!tpN*Yo_eni&ho^FJ%b4eW$2G}!h08+u%*q&kG1z#$Qj)-eM{&^qHT"
        "dh2Ma!M~~Yb>sE>o;Kr_4tHp`r`m{-Eh@9*1YZ_*1I(-}9YLGArH-nZ1%KP<v?^x@W&t<Q${U;%NtIP)wcjZd{!hKJ+SmrjBIkNt"
        "&8E=nEt3~Ve+d4qTA605YHdbGj?^KUzF&;=;CkYiU11loCzS`fsb=-aNugaSt-6j5($OJ{((2lIES1%n9#v!Q`CHoT+b<!eZBk=v"
        "tq#0n^?vik%Wofk^2eQ7_Gj|ZoAV!U{P1Y+-^<U+H&37Z^7Z)#7a#t{KaIDpT*Hqi=#jXz{v*Bk&-Zxa-rpC_{r=#){x`=zAHRM6"
        "_^0Q8wL+G(OG!~jQlc6yU3<Xa(B*w?i;?pD+&F24*$4lN!U)q8CxGV<XM1*Tvo(uOJhu!T&$R2gC3mfs2->=Xc^~U)G}IP$e7A9q"
        "N*}uVn+L9O$?}~p-<!J~+PFJXXQ<tq%yklaT&B68D3)nTlZ*#xglQUzG|%EFjVPCSzr({iJkD8tG_^OhRb#h9Fi~Zr&n7jr%8XS#"
        "J{=Rn%&jf-WGJ~5Nlq}OBEgKZ91|L{EXIuRAQnuZggF5r<|*blq$m?Ip)zG0rwFxOfUCr95rnR*_CU79#;I%%_1WQb=&?LyQ7)1w"
        "r-;QEOP=NK6C)xx5n&`~9HT%+C_p60XvniH7mScRi9(WunJaZ0aL4~)ttVap+zU=0pivY?Fo9DHxoOQK<`hE#Ucqp%`d>)U3Pu=P"
        "!6LSrOXJlVF(GG|tyNL#dOo~i@s)Nq{6SS&z>7<`X(koKi|^%dfh|KB?DUY}f{*|UoO2Wkj!+T@GM9PiHismv|KUG&7dKVacHT+k"
        "lzD4w`L^`_1C|waw*"
    )
)


def test_a_given_password_opens_a_locked_file(parse: Parse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGENT_SECRET_PDF", "wrong\nopen sesame")
    document = parse("a.pdf", LOCKED)
    assert document.text == "Behind a lock."
    assert "sesame" not in repr(document)
    monkeypatch.setenv("RAGENT_SECRET_PDF", "wrong")
    with pytest.raises(ParseError, match=r"a\.pdf is encrypted\n.*RAGENT_SECRET_PDF"):
        parse("a.pdf", LOCKED)


def test_blank_pages_hold_no_text(parse: Parse, make_pdf: MakePdf) -> None:
    with pytest.raises(ParseError, match="its pages are blank"):
        parse("a.pdf", make_pdf([[], []]))


@pytest.mark.parametrize("data", [b"%PDF-1.4", b"%PDF-1.7\n" + bytes(range(256)) * 40])
def test_damage_is_a_parse_error(parse: Parse, data: bytes) -> None:
    with pytest.raises(ParseError, match="not a readable PDF"):
        parse("a.pdf", data)


def test_a_truncated_file_is_read_or_refused(make_pdf: MakePdf) -> None:
    whole = make_pdf([column(PROSE, 700), column(MORE, 700)])
    outcomes: set[Any] = set()
    for length in (*range(0, len(whole), 97), len(whole) - 10):
        try:
            outcomes.add(bool(PdfParser().parse(RawDocument("file:///a", "a.pdf", whole[:length])).text))
        except ParseError:
            outcomes.add(ParseError)
    assert outcomes == {True, ParseError}


def test_threads_may_parse_at_once(parse: Parse, make_pdf: MakePdf) -> None:
    data = make_pdf([column(PROSE, 700)] * 20)
    with ThreadPoolExecutor(4) as pool:
        texts = set(pool.map(lambda _: parse("a.pdf", data).text, range(12)))
    assert len(texts) == 1
