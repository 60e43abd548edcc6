from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ragent.errors import ParseError
from ragent.types import Document

Parse = Callable[[str, bytes | str], Document]


def shape(document: Document) -> list[tuple[str, int, str, str]]:
    return [(b.kind, b.level, b.label, document.text[b.start : b.end]) for b in document.blocks]


def test_records_are_lines_with_names(parse: Parse) -> None:
    countries = "".join(
        f"<country code='c{n}'><name>Land {n}</name><geo><area unit='km'>{n}</area></geo>"
        f"<fact>{'f' * 250}</fact></country>"
        for n in (1, 2, 3)
    )
    document = parse("a.xml", f"<?xml version='1.0'?><world>{countries}</world>")
    assert shape(document)[0] == (
        "list",
        0,
        "world/country[1]",
        f"code: c1\nname: Land 1\ngeo/area (unit=km): 1\nfact: {'f' * 250}",
    )
    assert [label for _, _, label, _ in shape(document)] == [f"world/country[{n}]" for n in (1, 2, 3)]


def test_prose_is_paragraphs_under_titles(parse: Parse) -> None:
    source = """<article><title>Refunds</title><section><para>Ask <b>within</b>
      30 days.</para><title>Rules</title><note>Keep it.</note></section></article>"""
    document = parse("a.xml", source)
    assert document.title == "Refunds"
    assert shape(document) == [
        ("heading", 1, "", "Refunds"),
        ("heading", 2, "", "Rules"),
        ("paragraph", 0, "article/section/para", "Ask within 30 days."),
        ("paragraph", 0, "article/section/note", "Keep it."),
    ]


def test_a_feed_is_read_with_the_pages_inside_it(parse: Parse) -> None:
    page = "<![CDATA[<h2>Inside</h2><p>It <b>moves</b> fast.</p><ul><li>one</li></ul>]]>"
    item = f"<item><link>http://x/1</link><title>News</title><description>{page}</description></item>"
    source = f'<?xml version="1.0"?><rss><channel><title>The blog</title>{item}{item}</channel></rss>'
    document = parse("feed", source)
    assert document.title == "The blog"
    assert shape(document)[:6] == [
        ("heading", 2, "", "The blog"),
        ("heading", 3, "", "News"),
        ("list", 0, "rss/channel/item[1]", "link: http://x/1"),
        ("heading", 5, "rss/channel/item[1]/description", "Inside"),
        ("paragraph", 0, "rss/channel/item[1]/description", "It moves fast."),
        ("list", 0, "rss/channel/item[1]/description", "- one"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_the_declared_encoding_holds_and_a_wrong_one_does_no_harm(parse: Parse, encoding: str) -> None:
    for declared in (encoding, "utf-8"):
        source = f'<?xml version="1.0" encoding="{declared}"?><a><p>Größe über alles, schöne Grüße</p></a>'
        assert parse("a.xml", source.encode(encoding)).text == "Größe über alles, schöne Grüße"


def test_damaged_xml_is_read_as_far_as_it_goes(parse: Parse) -> None:
    assert parse("a.xml", "<a><p>one &nbsp; two</p><p>three</p>").text == "one two\n\nthree"


def test_entities_are_never_read_from_files(parse: Parse, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    source = f'<!DOCTYPE d [<!ENTITY leak SYSTEM "{secret.as_uri()}">]><d><p>seen &leak; end</p></d>'
    text = parse("a.xml", source).text
    assert "secret" not in text
    assert "seen" in text


def test_bombs_and_bottomless_nesting_are_refused(parse: Parse) -> None:
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    declaration = f'<!DOCTYPE d [<!ENTITY e0 "bomb">{levels}]>'
    for body in ("<d>&e11;</d>", "<d a='&e11;'/>", "<d>" * 100_000):
        with pytest.raises(ParseError, match="damaged or meant to harm"):
            parse("a.xml", declaration + body)


def test_emptiness_is_a_parse_error(parse: Parse) -> None:
    with pytest.raises(ParseError, match="holds no text"):
        parse("a.xml", "<a><b/></a>")
    with pytest.raises(ParseError, match="no readable XML"):
        parse("a.xml", "<?xml version='1.0'?>")


def test_a_drawing_is_read_without_its_scripts(parse: Parse) -> None:
    words = "<title>A map</title><script>alert(1)</script><style>a{}</style><text>Quay</text>"
    text = parse("a.svg", f'<svg xmlns="http://www.w3.org/2000/svg">{words}</svg>').text
    assert "Quay" in text
    assert "alert" not in text
    assert "a{}" not in text
