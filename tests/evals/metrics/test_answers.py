"""Answers against right ones: SQuAD's rules, ROUGE-L and likeness of meaning."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragent_evals.metrics.answers.rouge_l import common_length, rouge_l
from ragent_evals.metrics.metric import MetricContext
from ragent_evals.metrics.words import f1, is_exact, normalized, says
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case
from tests.evals.metrics.things import NOTHING, only, refuse, value
from tests.making import HashedWords

EMBEDDING = MetricContext({}, HashedWords, refuse)
LIKENESSES = ("exact_match", "f1", "rouge_l", "semantic_similarity")
words = st.lists(st.sampled_from(["red", "boat", "the", "harbour", "7", "a", "Dawn."])).map(" ".join)


def asked(*answers: str, is_impossible: bool = False) -> Case:
    return Case("c", "answer", "When do boats leave?", answers, is_impossible)


@pytest.mark.parametrize(
    ("given", "expected", "wanted"),
    [
        ("at dawn", "dawn", 2 / 3),
        ("The boat!", "a boat", 1.0),
        ("red boat", "blue harbour", 0.0),
        ("the the cat sat", "cat sat sat", 4 / 5),
        ("Dawn. [1]", "dawn", 1.0),
        ("", "dawn", 0.0),
    ],
)
def test_f1_by_hand(given: str, expected: str, wanted: float) -> None:
    assert f1(given, [expected]) == pytest.approx(wanted)
    assert value("f1", asked("something else", expected), Outcome("c", given)) == pytest.approx(wanted)


@settings(deadline=None)
@given(words, words)
def test_likenesses_are_bounded_symmetric_and_one_for_the_same(left: str, right: str) -> None:
    for likeness in (f1, rouge_l):
        assert 0 <= likeness(left, [right]) <= 1
        assert likeness(left, [right]) == pytest.approx(likeness(right, [left]))
        assert likeness(left, [left]) == 1
    assert is_exact(left, [left])
    assert f1(left, [right]) >= is_exact(left, [right])


@settings(deadline=None)
@given(words)
def test_normalising_twice_is_normalising_once(text: str) -> None:
    assert normalized(" ".join(normalized(text))) == normalized(text)


@pytest.mark.parametrize("name", LIKENESSES)
def test_silence_is_right_only_where_nothing_answers(name: str) -> None:
    able, unable = asked("dawn"), asked(is_impossible=True)
    silent = Outcome("c", "I found no answer.", abstained=True)
    spoken, failed = Outcome("c", "dawn"), Outcome("c", "dawn", error="it broke")
    metric = only(name, EMBEDDING)
    cases = [able, able, able, unable, unable, unable, asked()]
    outcomes = [spoken, silent, failed, spoken, silent, failed, spoken]
    values = metric.values(cases, outcomes)
    assert values == pytest.approx([1, 0, 0, 0, 1, 0, None])
    assert metric.values([Case("c", "schema", "q", ("dawn",))], [spoken]) == [None]


def test_answers_to_a_question_without_one_are_disregarded() -> None:
    plausible = Case("c", "answer", "q", ("dawn",), is_impossible=True)
    assert value("f1", plausible, Outcome("c", "dawn")) == 0
    assert value("f1", plausible, Outcome("c", "", abstained=True)) == 1


def test_an_answer_says_what_it_holds() -> None:
    assert says("They leave the harbour at dawn each day, as the handbook says.", ["at Dawn"])
    assert says("leaving dawn", ["dawn"])
    assert not says("Nobody knows when any of these boats leave.", ["dawn"])
    assert not says("Whatever it is.", ["the"])


def test_rouge_l_by_hand() -> None:
    # Lin 2004, section 3: "police kill the gunman" shares "police the gunman" with the reference in order.
    reference = "police killed the gunman"
    assert rouge_l("police kill the gunman", [reference]) == pytest.approx(3 / 4)
    assert rouge_l("the gunman kill police", [reference]) == pytest.approx(2 / 4)
    assert rouge_l("police the", ["nothing", reference]) == pytest.approx(2 * 2 / (2 + 4))
    assert rouge_l("Où va-t-il? [2]", ["où va t il"]) == 1


@settings(deadline=None)
@given(st.text("abc", max_size=40), st.text("abcd", max_size=40))
def test_the_common_length_is_that_of_the_table(left: str, right: str) -> None:
    above = [0] * (len(right) + 1)
    for letter in left:
        row = [0]
        for place, other in enumerate(right):
            row.append(above[place] + 1 if letter == other else max(above[place + 1], row[place]))
        above = row
    assert common_length(left, right) == above[-1]


def test_meaning_is_compared_in_one_go_whatever_the_order() -> None:
    cases = [asked("boats leave at dawn"), asked("cats sleep"), asked("x", "boats leave")]
    outcomes = [Outcome("c", text) for text in ("at dawn leave boats", "boats leave at dawn", "boats leave")]
    metric = only("semantic_similarity", EMBEDDING)
    values = metric.values(cases, outcomes)
    assert values[0] == pytest.approx(1, abs=1e-5)
    assert values[2] == pytest.approx(1, abs=1e-5)
    assert values[1] is not None
    assert 0 <= values[1] < 0.9
    assert metric.values(cases[::-1], outcomes[::-1]) == pytest.approx(list(values)[::-1], abs=1e-6)


def test_a_long_answer_is_embedded_whole() -> None:
    long = " ".join(f"word{number}" for number in range(3 * HashedWords().max_tokens))
    assert value("semantic_similarity", asked(long), Outcome("c", long), EMBEDDING) == pytest.approx(
        1, abs=1e-5
    )


def test_no_model_is_opened_where_all_is_silence() -> None:
    silent = Outcome("c", "no", abstained=True)
    assert value("semantic_similarity", asked(is_impossible=True), silent, NOTHING) == 1
