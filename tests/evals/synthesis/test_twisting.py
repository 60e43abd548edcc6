from __future__ import annotations

import random

import pytest

from ragent_evals.synthesis.sentences import sentences_of
from ragent_evals.synthesis.twisting import Twists

TEXT = """Mirren Oake was given the harbour archive in 1998 by the engineer's widow.

Signe Hald wrote the leaflet about the history of the mole.

The Finance Officer reported three payments to the board of the harbour.

The Chief Engineer asked for more time to mend the crane.

Groups from Aldersay pay EUR 12.00 a person on the first crossing.

Groups from Skerrin pay EUR 15.00 a person on the second crossing.

The crane stops at a gust of 24 m/s until the Safety Officer has seen it.

Pilots board in a wind of 20 m/s at most.
"""
TWISTS = Twists.of(list(sentences_of("a", "", TEXT, frozenset({"Mirren", "Signe"}))))


@pytest.mark.parametrize(
    ("question", "twisted"),
    [
        ("When was the harbour archive given to Mirren Oake?", {"Signe Hald"}),
        ("How many payments did the Finance Officer report?", {"Chief Engineer", "Safety Officer"}),
        ("How much do groups from Aldersay pay a person?", {"Skerrin"}),
        ("What stops at a gust of 24 m/s?", {"20 m/s"}),
        ("Who pays EUR 12.00 a person?", {"EUR 15.00"}),
    ],
)
def test_something_of_the_same_kind_is_put_in(question: str, twisted: set[str]) -> None:
    asked = list(TWISTS.of_question(question, random.Random(0)))
    assert {new for new in twisted if any(new in each for each in asked)} == twisted
    assert question not in asked


def test_what_a_sentence_holds_is_no_twist() -> None:
    assert not TWISTS.is_unsupported("How much do groups from Skerrin pay a person?", [])
    assert TWISTS.is_unsupported("How many payments did the Chief Engineer report to the board?", [])
