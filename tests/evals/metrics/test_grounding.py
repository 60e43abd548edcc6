"""Whether what an answer says stands in what it cites."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragent_evals.metrics.grounding.statements import Statement, bears_out, statements
from ragent_evals.outcome import Found, Outcome, Quoted
from ragent_evals.sets.case import Case, Passage
from tests.evals.metrics.things import value

QUESTION = "When do boats leave the harbour?"
BOATS = "Boats leave the harbour at 5 in the morning."
CATS = "Cats sleep on warm roofs."
GOATS = "Goats climb steep hills."
CASE = Case("c", "answer", QUESTION, ("5",))
NAMES = ("statement_support", "faithfulness", "citation_precision", "citation_recall")


def quoted(marker: int, quote: str, *, is_verbatim: bool = True, start: int = 0) -> Quoted:
    return Quoted("text", start, start + len(quote), quote, is_verbatim, marker)


def found(*texts: str) -> tuple[Found, ...]:
    return tuple(Found("text", 1.0, 0, len(text), text) for text in texts)


def test_markers_belong_to_the_sentence_before_or_around_them() -> None:
    first, second = quoted(1, BOATS), quoted(2, CATS)
    text = "Boats leave at 5. [1] Cats sleep [2][1]. Goats climb. And sheep [7] graze."
    assert statements(Outcome("c", text, quotes=(first, second))) == [
        Statement("Boats leave at 5.", (first,)),
        Statement("Cats sleep.", (second, first)),
        Statement("Goats climb.", ()),
        Statement("And sheep graze.", (None,)),
    ]
    assert statements(Outcome("c", "")) == []
    assert statements(Outcome("c", "[1]", quotes=(first,))) == []


@pytest.mark.parametrize(
    ("texts", "statement", "wanted"),
    [
        ([BOATS], "Boats leave at 5 in the morning.", True),
        ([BOATS], "Boats leave at 6 in the morning.", False),
        ([BOATS], "Boats do not leave the harbour in the morning.", False),
        ([CATS], "Boats leave the harbour.", False),
        (["Boats leave.", "The harbour wakes at 5."], "Boats leave the harbour at 5.", True),
        ([BOATS], "Yes.", True),
        ([CATS], "Yes.", False),
        ([], "Boats leave.", False),
        ([""], "Boats leave.", False),
    ],
)
def test_what_bears_a_statement_out(texts: list[str], statement: str, wanted: bool) -> None:
    assert bears_out(texts, statement, QUESTION) is wanted


def test_the_share_of_exact_quotes() -> None:
    quotes = (quoted(1, BOATS), quoted(2, CATS, is_verbatim=False), quoted(3, GOATS), quoted(4, GOATS))
    assert value("quote_exactness", CASE, Outcome("c", "x", quotes=quotes)) == 3 / 4
    assert value("quote_exactness", CASE, Outcome("c", "x")) is None
    assert value("quote_exactness", CASE, Outcome("c", "x", quotes=quotes, error="it broke")) == 0


def test_an_answer_of_its_own_quotes_is_all_right() -> None:
    answer = Outcome(
        "c",
        f"{BOATS} [1] {CATS} [2]",
        quotes=(quoted(1, BOATS), quoted(2, CATS)),
        found=found(f"{BOATS} {CATS}", GOATS),
    )
    assert [value(name, CASE, answer) for name in NAMES] == [1, 1, 1, 1]


def test_a_statement_without_any_ground_halves_all() -> None:
    answer = Outcome(
        "c",
        f"{BOATS} [1] {GOATS} [2]",
        quotes=(quoted(1, BOATS), quoted(2, CATS)),
        found=found(f"{BOATS} {CATS}"),
    )
    assert [value(name, CASE, answer) for name in NAMES] == [0.5, 0.5, 0.5, 0.5]


def test_a_quote_by_another_statement_supports_but_is_not_cited() -> None:
    answer = Outcome("c", f"{CATS} {BOATS} [1] [2]", quotes=(quoted(1, BOATS), quoted(2, CATS)))
    assert value("statement_support", CASE, answer) == 1
    assert value("citation_recall", CASE, answer) == 0.5
    # [2] is needed for nothing: [1] bears the statement out alone.
    assert value("citation_precision", CASE, answer) == 0.5


def test_citations_that_only_together_bear_a_statement_out_are_both_right() -> None:
    halves = (quoted(1, "Boats leave early."), quoted(2, "The harbour wakes at 5 sharp."))
    answer = Outcome("c", "Boats leave the harbour at 5. [1] [2]", quotes=halves)
    assert value("citation_precision", CASE, answer) == 1
    alone = replace(answer, text="Boats leave the harbour at 5. [1]")
    assert value("citation_precision", CASE, alone) == 0


@pytest.mark.parametrize(
    ("passage", "wanted"),
    [
        (Passage("text", "", 90, 200), 1),  # the quote lies in it
        (Passage("text", "", 105, 110), 1),  # it lies in the quote
        (Passage("text", "", 0, 105), 0),
        (Passage("other", "", 90, 200), 0),
        (Passage("text", "Cats sleep"), 1),
        (Passage("text", "say that cats sleep on warm roofs, all day"), 1),
        (Passage("text", "cats sleep on cold roofs"), 0),
        (Passage("text", ""), 0),
    ],
)
def test_a_citation_where_the_answer_stands_is_right(passage: Passage, wanted: int) -> None:
    case = replace(CASE, passages=(passage,))
    answer = Outcome("c", "Boats leave at 5. [1]", quotes=(quoted(1, CATS, start=100),))
    assert value("citation_precision", case, answer) == wanted


def test_silence_is_not_judged_and_failure_is() -> None:
    silent = Outcome("c", "I found no answer.", abstained=True)
    assert [value(name, CASE, silent) for name in NAMES] == [None] * 4
    assert [value(name, CASE, Outcome("c", error="it broke")) for name in NAMES] == [0] * 4
    assert [value(name, replace(CASE, kind="tools"), Outcome("c", BOATS)) for name in NAMES] == [None] * 4


def test_an_answer_that_cites_nothing() -> None:
    bare = Outcome("c", BOATS, found=found(BOATS))
    assert [value(name, CASE, bare) for name in NAMES] == [0, 1, 0, 0]


sentences = st.sampled_from([BOATS, CATS, GOATS, "No boat leaves.", "5 of 7.", "", "Yes [9]."])


@settings(deadline=None)
@given(
    st.lists(sentences, max_size=5), st.lists(sentences, max_size=4), st.lists(st.integers(1, 5), max_size=5)
)
def test_all_shares_are_bounded_and_quotes_have_no_order(
    said: list[str], quotes: list[str], markers: list[int]
) -> None:
    text = " ".join(f"{sentence} [{marker}]" for sentence, marker in zip(said, markers, strict=False))
    cited = tuple(quoted(number, quote) for number, quote in enumerate(quotes, 1))
    answer = Outcome("c", text, quotes=cited, found=found(*quotes))
    other = replace(answer, quotes=cited[::-1], found=answer.found[::-1])
    for name in NAMES:
        share = value(name, CASE, answer)
        assert share is None or 0 <= share <= 1
        assert share == value(name, CASE, other)


@settings(deadline=None)
@given(st.lists(st.sampled_from([BOATS, CATS, GOATS]), min_size=1, max_size=4))
def test_more_quotes_never_support_less(said: list[str]) -> None:
    answer = Outcome("c", " ".join(said), quotes=(quoted(1, BOATS),))
    more = replace(answer, quotes=(*answer.quotes, quoted(2, CATS)))
    assert (value("statement_support", CASE, more) or 0) >= (value("statement_support", CASE, answer) or 0)
