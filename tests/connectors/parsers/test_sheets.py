from __future__ import annotations

import base64
import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from datetime import date, datetime, time

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragent.errors import ParseError
from ragent.types import Document, RawDocument
from ragent_connectors.parsers.delimited import DelimitedParser
from ragent_connectors.parsers.excel import ExcelParser
from ragent_connectors.parsers.sheets import write_sheet
from ragent_connectors.parsers.writer import TextWriter

Parse = Callable[[str, bytes | str], Document]


def shape(document: Document) -> list[tuple[str, int, str, str]]:
    return [(b.kind, b.level, b.label, document.text[b.start : b.end]) for b in document.blocks]


def saved(book: openpyxl.Workbook) -> bytes:
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def sheet(xml: str) -> bytes:
    """A workbook of one sheet whose part is given."""
    book = openpyxl.Workbook()
    book.active["A1"] = 1
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved(book))) as before, zipfile.ZipFile(buffer, "w") as after:
        for entry in before.infolist():
            own = entry.filename == "xl/worksheets/sheet1.xml"
            after.writestr(entry.filename, xml if own else before.read(entry), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def test_sheets_are_sections_and_a_header_is_a_heading(parse: Parse) -> None:
    book = openpyxl.Workbook()
    book.active.title = "Sales"
    for row in (["name", "city", "sum"], ["Anna", "Ber\nlin", 3], ["Bob", None, 2.5]):
        book.active.append(row)
    book.create_sheet("Empty")
    costs = book.create_sheet("Costs")
    costs["B3"], costs["C3"], costs["B4"], costs["C4"] = "what", "2024", "rent", -7
    book.properties.title, book.properties.creator = "Books", "Ann"
    document = parse("a.xlsx", saved(book))
    assert document.title == "Books"
    assert document.metadata["author"] == "Ann"
    assert shape(document) == [
        ("heading", 1, "", "Sales"),
        ("heading", 2, "", "name | city | sum"),
        ("table", 0, "rows 2–3", "Anna | Ber lin | 3\nBob |  | 2.5"),
        ("heading", 1, "", "Costs"),
        ("heading", 2, "", "what | 2024"),
        ("table", 0, "row 4", "rent | -7"),
    ]


def test_values_are_shown_as_people_write_them(parse: Parse) -> None:
    book = openpyxl.Workbook()
    book.active.append([True, 1e6, 0.1 + 0.2, date(2024, 1, 2), datetime(2024, 1, 2, 3, 4), time(5, 6)])
    text = parse("a.xlsx", saved(book)).text
    assert text == "Sheet\n\nTRUE | 1000000 | 0.3 | 2024-01-02 | 2024-01-02 03:04:00 | 05:06:00"


def test_long_tables_are_written_in_groups_of_rows(parse: Parse) -> None:
    rows = [f"Anna {n},Berlin,{n}" for n in range(2, 200)]
    document = parse("a.csv", "name,city,number\n" + "\n".join(rows))
    header, *groups = document.blocks
    assert header.kind == "heading"
    assert len(groups) > 5
    following = 2
    for group in groups:
        lines = document.text[group.start : group.end].split("\n")
        last = following + len(lines) - 1
        assert group.label == f"rows {following}–{last}"
        assert lines[0] == f"Anna {following} | Berlin | {following}"
        following = last + 1
    assert following == 200


def test_a_title_above_a_table_and_a_second_table_are_headings(parse: Parse) -> None:
    text = "Cups\nTeam,Wins\nBlues,1\nFlyers,2\n\nLosses\nTeam,Games lost\nBlues,9\n"
    assert shape(parse("a.csv", text)) == [
        ("heading", 1, "", "Cups"),
        ("heading", 2, "", "Team | Wins"),
        ("table", 0, "rows 3–4", "Blues | 1\nFlyers | 2"),
        ("heading", 1, "", "Losses"),
        ("heading", 2, "", "Team | Games lost"),
        ("table", 0, "row 8", "Blues | 9"),
    ]


def test_rows_without_a_header_are_a_table_alone(parse: Parse) -> None:
    assert shape(parse("a.csv", "1,2\n3,4\n")) == [("table", 0, "rows 1–2", "1 | 2\n3 | 4")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(parse: Parse, delimiter: str) -> None:
    lines = [["name", "price"], ["pear; big, ripe | soft", "1,5"], ["fig", "2"]]
    text = "\n".join(delimiter.join(f'"{cell}"' for cell in line) for line in lines)
    assert parse("a.csv", text).text == "name | price\n\npear; big, ripe | soft | 1,5\nfig | 2"


def test_quoted_fields_hold_anything(parse: Parse) -> None:
    text = 'a,b\r\n"one\r\ntwo","say ""hi"", please"\r\n3,4\r\n'
    assert parse("a.csv", text).text == 'a | b\n\none two | say "hi", please\n3 | 4'


def test_a_quote_that_never_ends_takes_no_rows_away(parse: Parse) -> None:
    document = parse("a.csv", 'name,size\npipe,"5\n' + "\n".join(f"row{n},{n}" for n in range(200)))
    assert 'pipe | "5' in document.text
    assert "row7 | 7\nrow8 | 8" in document.text


def test_the_line_that_excel_writes_names_the_delimiter(parse: Parse) -> None:
    assert parse("a.csv", "sep=;\na;b\n1,2;3\n").text == "a | b\n\n1,2 | 3"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_any_encoding_is_read(parse: Parse, encoding: str) -> None:
    text = "Straße;Größe\n" + "Königsallee;12 m²\nRömerstraße;7 m²\n" * 20
    assert "Königsallee | 12 m²" in parse("a.csv", text.encode(encoding)).text


def test_content_tells_a_table_where_the_name_says_nothing() -> None:
    parser = DelimitedParser()

    def sure(name: str, text: str) -> float:
        return parser.accepts(RawDocument("file:///x", name, text.encode()))

    table = "a\tb\n" * 9
    assert sure("x.txt", table) > 0.3
    assert sure("export", table) > 0.3
    assert sure("x.py", table) == 0
    assert sure("x.txt", "Dear Ann, hello.\nWe met in Rome, Italy, and then\nleft.\n\nYours, Bob\n") == 0
    assert sure("x.csv", "\0\1\2") == 0


# A workbook in the old format with the sheet `Old`: name, sum; Anna, 3.
XLS = (
    "c-rk)J!lj`6#i!KF85<{xr-MeQNj^0YD^<GHpwP}rZPqwMFib=S4b`!IknJ2qwz{Xuu^OSX>6i4{-B6<7D7Y|K@je="
    "v=S6jB)7i#ZdWdvA_p3x%(u)pZ{EC_dAsvwc4yzrr^_=BIxF}E0|=q&#nDu!Q<CCAAqA=TJS_%!Op<5tPaz(YiEN7C"
    "Y0K-Vo<lv~6<D|*eklxml5`wrFf!@pvulXG^ubZuhkjv&JEBRVgI=|fPmwp0@6qxZd61gx<bJU&t7DkAM|$`8QGC?u"
    "W?d4x-$!ioftp=t$15Ghmv5+=Z3IKb(@tT1R&<4%F$<Zu;k=tKI)ySaGJ&)B?qz{*!AgCRHTt#HD~Nt!xjwpr{-zZM"
    "rr@1qfS0fV&qKN<goB0LBDNsJ0w89tGm#hZ?D+{P47sk8(7Q2LZ)(}<ZDCY53+K>EInCHk$^N`}_v_mOW25#7YNohj"
    "*Y@?T+7)=XqFYGgBx|gn+)Lg`zRF%VQ|=^ZBqAm68EyB4{nNC$#@ZekXE*WA-c~1X7rFH1(BrPsXM2apbHkO3nYs7&"
    "47%k#lau!Pnns`MQ@3wvJh6jZ`Fp@ea>sA`LCi||zI*=5s})N~P)w6+CH-`iZ?9IcSG3nXUa}JOCk_2<2COzb<l`Bv"
    "dqXB*U|?WiU|?WiV6dK{{O^1Jlp&w*wNpgY|F5$oscL?c{I@uaNx9C+!E_&7$&0wqQ2cB{L<N1RRkjKK7it`l(Tf<z"
    "82uP;IDX|6sOs-$)eTdBZV5Fyezg%l|MK`h0A`lH{r"
)


def test_the_old_format_is_read(parse: Parse) -> None:
    document = parse("a.xls", zlib.decompress(base64.b85decode(XLS)))
    assert document.text == "Old\n\nname | sum\n\nAnna | 3"
    assert document.media_type == "application/vnd.ms-excel"


def test_damage_and_strange_workbooks_are_parse_errors(parse: Parse) -> None:
    book = openpyxl.Workbook()
    book.active.append(["words"] * 500)
    whole = saved(book)
    with pytest.raises(ParseError, match="damaged Excel file"):
        parse("a.xlsx", whole[:-300])
    with pytest.raises(ParseError, match="holds no cells"):
        parse("a.xlsx", saved(openpyxl.Workbook()))
    with pytest.raises(ParseError):
        ExcelParser().parse(
            RawDocument("file:///x", "a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
        )
    with pytest.raises(ParseError, match="Excel"):
        parse("a.xlsx", sheet("<worksheet><sheetData><row><c t='s'><v>99</v></c></row>"))


def test_cells_in_the_far_corners_are_refused_without_filling_memory(parse: Parse) -> None:
    cells = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    with pytest.raises(ParseError, match="too far apart"):
        parse("a.xlsx", sheet(f'<worksheet xmlns="{space}"><sheetData>{cells}</sheetData></worksheet>'))


def test_cells_beyond_the_last_one_are_refused(parse: Parse) -> None:
    cells = '<row r="99999999999"><c r="ZZZZZZ99999999999"><v>1</v></c></row>'
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    with pytest.raises(ParseError, match="too far apart"):
        parse("a.xlsx", sheet(f'<worksheet xmlns="{space}"><sheetData>{cells}</sheetData></worksheet>'))


def test_an_old_sheet_that_declares_an_endless_extent_is_refused(parse: Parse) -> None:
    data = zlib.decompress(base64.b85decode(XLS))
    place = data.index(struct.pack("<HH", 0x0200, 14)) + 4
    endless = struct.pack("<IIHH", 0, 2**31, 0, 256)
    with pytest.raises(ParseError, match="too far apart"):
        parse("a.xls", data[:place] + endless + data[place + len(endless) :])


def test_an_empty_cell_far_away_does_no_harm(parse: Parse) -> None:
    cells = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576" s="1"/></row>'
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    data = sheet(f'<worksheet xmlns="{space}"><sheetData>{cells}</sheetData></worksheet>')
    assert parse("a.xlsx", data).text == "Sheet\n\n1"


def test_a_zip_bomb_is_refused_unopened(parse: Parse) -> None:
    with pytest.raises(ParseError, match="would unpack to"):
        parse("a.xlsx", sheet(" " * 40_000_000))


@given(st.lists(st.lists(st.text(max_size=30), max_size=6), max_size=40))
def test_no_cell_is_lost(rows: list[list[str]]) -> None:
    writer = TextWriter()
    write_sheet(writer, enumerate(rows, 1), 1)
    written = "".join(writer.text.split())
    for cell in (cell for row in rows for cell in row):
        printable = "".join(character for character in cell if character.isprintable())
        assert "".join(printable.split()) in written or len(printable) < len(cell)
