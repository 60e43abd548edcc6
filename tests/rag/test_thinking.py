"""The thinking style: parting what a model wrote, and holding any model to the form."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragent.rag.citing import Sources
from ragent.rag.thinking import Thinking, Thought, part_thought
from ragent.types import Hit, Sampling
from tests.making import HashedWords
from tests.structured.sampling import Babbler

HIT = Hit(1, 1.0, 1, 1, "file:///a", "", None, 0, 26, "The crane lifts 40 tonnes.", "", {})


def thinking(max_tokens: int = 64, seed: int = 0) -> Thinking:
    sources = Sources("What does it lift?", [HIT], HashedWords())
    return Thinking(Sampling(max_tokens=max_tokens, seed=seed), sources)


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ('{"reasoning": "The first says so.", "answer": "40 tonnes."}', "The first says so.", "40 tonnes."),
        ('{"reasoning": "The first s', "The first s", ""),
        ('{"reasoning": "So.", "answer": "40 t', "So.", "40 t"),
        ("", "", ""),
        ("{", "", ""),
        ("It lifts 40 tonnes.", "", "It lifts 40 tonnes."),
        ("The first passage.\nAnswer: 40 tonnes.", "The first passage.", "40 tonnes."),
        ("Thought.\n**Answer:** no\n**Answer:** 40 tonnes.", "Thought.\n**Answer:** no", "40 tonnes."),
        ('{"reasoning": 4, "answer": []}', "", '{"reasoning": 4, "answer": []}'),
        ("[1, 2]", "", "[1, 2]"),
    ],
)
def test_reasoning_and_answer_are_parted(text: str, reasoning: str, answer: str) -> None:
    assert part_thought(text) == Thought(reasoning, answer)


@given(st.text(max_size=40), st.text(max_size=40))
def test_what_is_shown_only_grows(reasoning: str, answer: str) -> None:
    text = json.dumps({"reasoning": reasoning, "answer": answer})
    style = thinking()
    shown = [style.show(text[:length]) for length in range(len(text) + 1)]
    assert all(len(before.rstrip()) <= len(after) for before, after in pairwise(shown))
    assert part_thought(text) == Thought(reasoning.strip(), answer.strip())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("max_tokens", [40, 160])
def test_any_model_reasons_and_then_answers(seed: int, max_tokens: int) -> None:
    style = thinking(max_tokens, seed)
    text = "".join(delta.text for delta in Babbler().stream([], style.sampling, style.constraint))
    assert list(json.loads(text)) == ["reasoning", "answer"]


def test_only_the_answer_is_checked() -> None:
    checked = thinking().read('{"reasoning": "Pelicans adore it.", "answer": "It lifts 40 tonnes."}')
    assert [(part.sentence, part.quote is not None) for part in checked] == [("It lifts 40 tonnes.", True)]
