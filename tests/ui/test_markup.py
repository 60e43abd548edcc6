"""Text as data."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from ragent_ui.markup import marked, written

ALLOWED = {"p", "ul", "ol", "li", "strong", "em", "code", "pre", "br", "mark", "button"} | {
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
}


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader


HTML = st.text("<>/\"'`=&; abip![](){}:#*_-\n|x1[1]scrtonlg", max_size=80)


@given(HTML)
def test_only_our_own_elements_come_out_of_an_answer(text: str) -> None:
    found = read(written(text, {1: 'a"b:c1'}))
    assert found.tags <= ALLOWED
    assert found.attributes <= {"class", "data-source", "start", "style"}


@given(HTML, st.lists(st.tuples(st.integers(-5, 90), st.integers(-5, 90))))
def test_marking_words_keeps_every_character(text: str, spans: list[tuple[int, int]]) -> None:
    inside = sorted((max(0, min(a, len(text))), max(0, min(b, len(text)))) for a, b in spans)
    found = read(f"<pre>{marked(text, inside)}</pre>")
    assert found.text == text
    assert found.tags <= {"pre", "mark"}


def test_numbers_are_buttons_where_there_is_such_a_source() -> None:
    html = written("So it is [1], *surely* [2].\n\n- one\n- two", {1: "t:c1"})
    assert '<button class="rg-cite" data-source="t:c1">1</button>' in html
    assert "[2]" in html
    assert "<em>surely</em>" in html
    assert html.count("<li>") == 2


def test_a_table_is_one() -> None:
    html = written("| a | b |\n|---|---|\n| 1 | <b>2</b> |", {})
    assert "<td>&lt;b&gt;2&lt;/b&gt;</td>" in html
