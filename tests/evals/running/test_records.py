from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ragent_evals.outcome import Cost, Found, Outcome, Quoted
from ragent_evals.running.records import case_from, case_json, inputs_digest, outcome_from, outcome_json
from ragent_evals.sets.case import Case, Passage, Turn

TEXT = "Boats leave the harbour at dawn."
WORDS = st.text(max_size=12)
SPANS = st.tuples(st.integers(0, len(TEXT)), st.integers(0, len(TEXT))).map(sorted)

FOUND = st.builds(
    lambda span, score, page: Found("p", score, span[0], span[1], TEXT[span[0] : span[1]], page),
    SPANS,
    st.floats(allow_nan=False, allow_infinity=False),
    st.none() | st.integers(1, 9),
)
QUOTES = st.builds(
    lambda span, marker: Quoted(
        "p", span[0], span[1], TEXT[span[0] : span[1]], is_verbatim=True, marker=marker
    ),
    SPANS,
    st.integers(0, 9),
) | st.builds(lambda words: Quoted("p", 0, 3, words, is_verbatim=False), WORDS)
OUTCOMES = st.builds(
    Outcome,
    case_id=WORDS,
    text=WORDS,
    abstained=st.booleans(),
    support=st.none() | st.floats(0, 1),
    found=st.lists(FOUND, max_size=3).map(tuple),
    quotes=st.lists(QUOTES, max_size=3).map(tuple),
    value=st.none() | st.booleans() | st.lists(st.integers(), max_size=2),
    calls=st.lists(st.fixed_dictionaries({"name": WORDS, "arguments": st.just({})}), max_size=2).map(tuple),
    signals=st.dictionaries(WORDS, st.floats(0, 1), max_size=2),
    cost=st.builds(Cost, seconds=st.floats(0, 9), prompt_tokens=st.integers(0, 9)),
    error=WORDS,
)
CASES = st.builds(
    Case,
    id=WORDS,
    kind=st.sampled_from(["retrieval", "answer", "schema", "tools", "turns"]),
    question=WORDS,
    answers=st.lists(WORDS, max_size=2).map(tuple),
    is_impossible=st.booleans(),
    relevant=st.dictionaries(WORDS, st.integers(0, 3), max_size=2),
    passages=st.lists(st.builds(Passage, WORDS, WORDS), max_size=2).map(tuple),
    given=st.lists(WORDS, max_size=2).map(tuple),
    schema=st.none() | st.booleans() | st.just({}),
    turns=st.lists(st.builds(Turn, WORDS, st.lists(WORDS, max_size=2).map(tuple)), max_size=2).map(tuple),
    slices=st.dictionaries(WORDS, WORDS, max_size=2),
    split=WORDS,
)


@given(OUTCOMES, st.lists(OUTCOMES, max_size=2))
def test_an_outcome_comes_back_as_it_was(outcome: Outcome, turns: list[Outcome]) -> None:
    outcome = replace(outcome, turns=tuple(turns))
    assert outcome_from(json.loads(json.dumps(outcome_json(outcome))), lambda _: TEXT) == outcome


@given(CASES)
def test_a_case_comes_back_as_it_was(case: Case) -> None:
    assert case_from(json.loads(json.dumps(case_json(case)))) == case


def test_words_that_stand_no_longer_where_they_were_are_not_shown() -> None:
    found = Found("p", 0.5, 0, 5, "Boats")
    kept = outcome_json(Outcome("c", found=(found,), quotes=(Quoted("p", 0, 5, "Boats", True),)))
    assert "Boats" not in json.dumps(kept)
    for text in (None, "", "Ships leave the harbour at dawn."):
        read = outcome_from(kept, lambda _, text=text: text)  # type: ignore[misc]
        assert (read.found[0].text, read.quotes[0].quote) == ("", "")


@given(CASES)
def test_a_digest_tells_what_a_subject_is_given(case: Case) -> None:
    same = replace(case, id="x", answers=("other",), split="other", slices={}, relevant={}, passages=())
    assert inputs_digest(same) == inputs_digest(case)
    assert inputs_digest(replace(case, question=case.question + "?")) != inputs_digest(case)
