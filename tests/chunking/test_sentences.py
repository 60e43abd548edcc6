from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragent.chunking import split_sentences


def parts(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    "sentences",
    [
        ["One.", "Two!", "Three?", "Four"],
        ["Dr. Smith met J. R. R. Tolkien.", "They talked."],
        ["It costs 3.14 EUR, i.e. little.", "See Fig. 3 and No. 5.", "Done."],
        ["The rule of Jan. 3 holds in the U.S. Senate.", "It ends at 5 p.m.", "Nobody stays."],
        ["He said “Go.”", "She went."],
        ['"Why?" he asked.', "(Nobody knew.)", "The end."],
        ["Wait... what?", "Yes…", "No!?", "So."],
        ["1. The first item.", "It goes on.", "2. The second."],
        ["Visit example.com or v1.2.3 now.", "Then leave."],
        ["Smith et al. (2003) found it.", "Others did not."],
        ["Straße gesperrt.", "Übergang offen."],
    ],
)
def test_sentences_end_where_a_reader_ends_them(sentences: list[str]) -> None:
    text = "\n".join(sentences) if sentences[0].startswith("1.") else " ".join(sentences)
    assert parts(text) == sentences


def test_a_text_without_capitals_has_sentences_too() -> None:
    text = "we sold the unit. the price was 3.5 million, approx. as planned. it closed in may. nobody sued."
    assert len(parts(text)) == 4


def test_cjk_needs_no_white_space() -> None:
    assert parts("これは文です。「はい！」と言った。次？") == [
        "これは文です。",
        "「はい！」",
        "と言った。",
        "次？",
    ]


def test_a_blank_line_always_ends_a_sentence() -> None:
    assert parts("A heading\n \nand text") == ["A heading", "and text"]


@given(st.text() | st.text("aA.!? \n\"'。", max_size=200))
def test_spans_are_exact_and_lose_nothing(text: str) -> None:
    position = 0
    for start, end in split_sentences(text):
        assert position <= start < end
        assert text[start:end] == text[start:end].strip()
        assert not text[position:start].strip()
        position = end
    assert not text[position:].strip()


@pytest.mark.parametrize("run", [".", '."', "\n", " ", "a.", "。", "!?"])
def test_long_runs_take_no_quadratic_time(run: str) -> None:
    text = run * 200_000 + " end"
    assert "".join(parts(text)).replace(" ", "").replace("\n", "").endswith("end")
