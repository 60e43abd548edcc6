from __future__ import annotations

from collections.abc import Callable

import pytest

from ragent.errors import ParseError
from ragent.types import Document, RawDocument
from ragent_connectors.parsers.html import HtmlParser

Parse = Callable[[str, bytes | str], Document]

PAGE = """<!-- saved --><!DOCTYPE html>
<html lang="en"><head><title>Refunds
 - Acme</title><meta name="Description" content="How money comes back"></head>
<body><header><a href="/">Acme home</a></header><nav><ul><li>Menu entry</li></ul></nav>
<div><h1>Refunds</h1><p>Ask <b>within</b> 30&nbsp;days
of the purchase.<br>Keep the receipt.</p>
<script>track()</script><style>p {}</style><p hidden>secret</p><p style="color:red; display: none">secret</p>
<ul><li>by post</li><li>in a shop<ul><li>any <i>shop</i></li></ul></li></ul>
<table><tr><th>Amount</th><th>Who</th></tr><tr><td>500</td><td>a <b>manager</b></td></tr></table>
<h2>Example<a class="headerlink" href="#x">¶</a></h2><pre>if x:
    refund()
</pre><blockquote><p>No questions</p><p>asked.</p></blockquote>tail text</div>
<form><label>Your mail</label><input></form><aside>Related</aside><footer>Imprint</footer></body></html>"""


def shape(document: Document) -> list[tuple[str, int, str]]:
    return [(b.kind, b.level, document.text[b.start : b.end]) for b in document.blocks]


def test_a_page_gives_its_content_without_chrome(parse: Parse) -> None:
    document = parse("page.html", PAGE)
    assert shape(document) == [
        ("heading", 1, "Refunds"),
        ("paragraph", 0, "Ask within 30\xa0days of the purchase.\nKeep the receipt."),
        ("list", 0, "- by post\n- in a shop\n  - any shop"),
        ("table", 0, "Amount | Who\n500 | a manager"),
        ("heading", 2, "Example"),
        ("code", 0, "if x:\n    refund()"),
        ("quote", 0, "No questions\nasked."),
        ("paragraph", 0, "tail text"),
    ]
    assert document.title == "Refunds - Acme"
    assert document.metadata == {"lang": "en", "description": "How money comes back"}


def test_a_main_part_is_preferred_where_it_holds_the_content(parse: Parse) -> None:
    main = "<main><header><h1>Head</h1><ul><li>share</li></ul></header><p>the content</p></main>"
    assert parse("a.html", f"<html><body><div>around</div>{main}").text == "Head\n\nthe content"
    nearly_empty = f"<main>x</main><div>{'the real content ' * 10}</div>"
    assert "real content" in parse("a.html", f"<html><body>{nearly_empty}").text


def test_a_page_that_is_all_chrome_is_still_read(parse: Parse) -> None:
    assert parse("a.html", "<html><body><form><p>All in a form</p></form>").text == "All in a form"


def test_two_tables_do_not_mix_and_a_layout_table_is_no_table(parse: Parse) -> None:
    one = "<table><tr><td>1<td>2</table>"
    document = parse("a.html", f"<html><body>{one}<p>between</p><table><tr><td>3<td></td><td>4</table>")
    assert [text for _, _, text in shape(document)] == ["1 | 2", "between", "3 |  | 4"]
    document = parse("a.html", f"<html><body><table><tr><td><h1>Head</h1><p>a</p>{one}</table>")
    assert [kind for kind, _, _ in shape(document)] == ["heading", "paragraph", "table"]


def test_highlighted_code_keeps_its_lines(parse: Parse) -> None:
    document = parse(
        "a.html", "<html><body><pre><code><span>a</span> =  1\n<div>b</div><div>c</div></code></pre>"
    )
    assert shape(document) == [("code", 0, "a =  1\nb\nc")]


@pytest.mark.parametrize(
    ("name", "data", "sureness"),
    [
        ("x.bin", "<!DOCTYPE html><p>x", 0.9),
        ("x", '<?xml version="1.0"?>\n<!-- c -->\n<html xmlns="x"><body>', 0.9),
        ("x.md", "<html><body>x", 0.9),
        ("x.html", "<p>fragment</p>", 0.7),
        ("x.md", "<p align=center>a readme</p>\n\n# Head", 0),
        ("x.txt", "The <html> tag and the <body> tag", 0),
        ("x.html", "no tags at all", 0),
        ("x.html", "", 0),
        ("x.txt", "<!-- " * 20_000, 0),
    ],
)
def test_pages_are_known_by_how_they_begin(name: str, data: str, sureness: float) -> None:
    assert HtmlParser().accepts(RawDocument("file:///x", name, data.encode())) == sureness


@pytest.mark.parametrize(
    ("encoding", "label", "words"),
    [
        ("cp1252", "iso-8859-1", "“Grüße” – 5 €"),
        ("cp932", "shift_jis", "日本語の文書です"),
        ("gb18030", "gb2312", "简体中文網頁"),
        ("koi8-r", "koi8-r", "Русский текст"),
        ("iso-2022-jp", "iso-2022-jp", "日本語"),
        ("utf-8", "iso-8859-1", "a wrong label: Grüße"),
        ("utf-8", "no-such-encoding", "Grüße"),
        ("utf-16", "utf-16", "Grüße"),
    ],
)
def test_the_encoding_is_the_pages_own(parse: Parse, encoding: str, label: str, words: str) -> None:
    page = f"<html><head><meta charset={label}></head><body><p>{words}</p>"
    assert parse("a.html", page.encode(encoding)).text == words


def test_what_a_database_refuses_is_taken_out(parse: Parse) -> None:
    document = parse("a.html", "<html><body><p>a&#xD800;b\0c&#1;d</p>")
    assert document.text.replace("\ufffd", "") == "abcd"


@pytest.mark.parametrize("page", ["<html></html>", "<!DOCTYPE html><body><script>app()</script><img src=x>"])
def test_a_page_without_text_is_refused(parse: Parse, page: str) -> None:
    with pytest.raises(ParseError, match="without text"):
        parse("a.html", page)


def test_absurd_nesting_is_refused_before_it_costs_minutes(parse: Parse) -> None:
    with pytest.raises(ParseError, match="nests more than"):
        parse("a.html", "<html><body>" + "<div>" * 200_000 + "x")


def test_many_siblings_and_unclosed_paragraphs_are_no_nesting(parse: Parse) -> None:
    assert len(parse("a.html", "<html><body>" + "<p>x<br>" * 10_000).blocks) == 10_000


def test_deep_but_possible_nesting_is_read(parse: Parse) -> None:
    assert parse("a.html", "<html><body>" + "<div>" * 3000 + "x" + "</div>" * 3000).text == "x"


def test_what_a_page_calls_its_footer_inside_its_main_part_is_read(parse: Parse) -> None:
    page = "<html><body><main><h1>Results</h1><div role=contentinfo>An answer.</div></main></body></html>"
    assert "An answer." in parse("a.html", page).text


def test_links_are_kept_with_their_words_and_whole_targets() -> None:
    page = b"""<nav><a href="/menu">Menu</a></nav><p>See the <a href="fees.html">list\n of fees</a>,
    <a href="#top">top</a>, <a href="javascript:x()">run</a>, <a href="https://h.example/?q=1">a  search</a>,
    <a href="http://[">broken</a>, <a href="fees.html">list of fees</a> and <a href="/x"><img></a>.</p>"""
    raw = RawDocument("https://d.example/docs/a.html", "a.html", page)
    fees, search = (
        ("list of fees", "https://d.example/docs/fees.html"),
        ("a search", "https://h.example/?q=1"),
    )
    links = [{"text": words, "url": url} for words, url in (fees, search)]
    assert HtmlParser().parse(raw).metadata["links"] == links
    local = HtmlParser().parse(RawDocument("file:///docs/a.html", "a.html", page)).metadata["links"]
    assert [link["url"] for link in local] == ["fees.html", "https://h.example/?q=1", "http://["]
