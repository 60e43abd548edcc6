from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragent.structured.quoting import MOST_PAIRS, quote_format
from ragent.types import Sampling
from tests.structured.sampling import Babbler

PASSAGES = [
    'The crane lifts\n  40 tonnes.\tIt was built by "Halvorsen" in 1962 — so they say.',
    "",
    "Fares: €4 (adults), \\ €2 {children}. Dogs ride free; día y noche 🐈.",
]


def said(passages: list[str], seed: int, limit: int = 120) -> str:
    form = quote_format(passages)
    return "".join(
        delta.text for delta in Babbler().stream([], Sampling(max_tokens=limit, seed=seed), form.constraint)
    )


@pytest.mark.parametrize("seed", range(30))
def test_every_quote_resolves_to_its_exact_span(seed: int) -> None:
    form = quote_format(PASSAGES)
    text = said(PASSAGES, seed)
    quotes = [line[2:] for line in text.splitlines() if line.startswith("> ")]
    read = form.read(text)
    assert len(read) == len(quotes) <= MOST_PAIRS
    for quote, quoted in zip(quotes, read, strict=True):
        assert " ".join(PASSAGES[quoted.passage][quoted.start : quoted.end].split()) == quote
        assert quoted.statement


@pytest.mark.parametrize(
    ("quote", "fine"),
    [
        ("The crane lifts 40 tonnes.", True),
        ('built by "Halvorsen" in 1962', True),
        ("€4 (adults), \\ €2 {children}", True),
        ("The crane lifts 50 tonnes.", False),
        ("crane lifts tonnes", False),
        ("1962 — so they say. Fares", False),
        ("rane lifts", False),
        ("the crane", False),
        (" ", False),
        ("", False),
    ],
)
def test_only_what_stands_there_may_be_quoted(quote: str, fine: bool) -> None:
    assert quote_format(PASSAGES).constraint.accepts(f"> {quote}\nSo it is.\n") is fine


def test_a_statement_that_was_cut_off_is_left_out() -> None:
    form = quote_format(PASSAGES)
    assert form.read("> The crane lifts 40 tonnes.\nIt lifts 40.\n> Dogs ride") == form.read(
        "> The crane lifts 40 tonnes.\nIt lifts 40.\n"
    )


@settings(max_examples=25, deadline=None)
@given(
    st.text(min_size=1, max_size=60).filter(lambda text: len("".join(text.split())) > 3), st.integers(0, 9)
)
def test_any_passage_at_all(passage: str, seed: int) -> None:
    text = said([passage], seed)
    quotes = text.split("\n")[0][2:]
    (first, *_) = quote_format([passage]).read(text)
    assert " ".join(passage[first.start : first.end].split()) == " ".join(quotes.split())
