from __future__ import annotations

import pytest

from ragent.rag.citing import Sources
from ragent.rag.showing import unwrapped
from ragent.types import Hit
from tests.making import HashedWords

REFUNDS = (
    "Refunds up to 100 EUR are approved by the clerk. "
    "Refunds over 500 EUR are approved by the finance officer. The office opens at nine."
)
CRANE = "The crane lifts 40 tonnes. It was built by Halvorsen in 1962."


def hit(rank: int, text: str) -> Hit:
    return Hit(rank, 1.0, rank, rank, f"file:///{rank}", "", None, 100, 100 + len(text), text, "", {})


def sources(question: str) -> Sources:
    return Sources(question, [hit(1, REFUNDS), hit(2, CRANE)], HashedWords())


@pytest.mark.parametrize(
    ("question", "sentence", "quote"),
    [
        (
            "Who approves a refund over 500 EUR?",
            "The finance officer approves refunds over 500 EUR.",
            "Refunds over 500 EUR are approved by the finance officer.",
        ),
        ("How much does the crane lift?", "40 tonnes", "The crane lifts 40 tonnes."),
        ("When does the office open?", "It opens at nine.", "The office opens at nine."),
        (
            "What is known of the crane?",
            "The crane that Halvorsen built in 1962 lifts 40 tonnes.",
            "The crane lifts 40 tonnes. It was built by Halvorsen in 1962.",
        ),
    ],
)
def test_a_supported_sentence_gets_its_source(question: str, sentence: str, quote: str) -> None:
    found = sources(question).support(sentence)
    assert found is not None
    assert found.text == quote
    assert found.hit.text[found.start : found.end] == quote


@pytest.mark.parametrize(
    "sentence",
    [
        "The crane lifts 45 tonnes.",
        "Refunds over 700 EUR are approved by the finance officer.",
        "Penguins live on the southern islands.",
        "The harbour master dismissed every clerk last winter.",
    ],
)
def test_what_the_sources_do_not_say_is_not_supported(sentence: str) -> None:
    assert sources("Who approves refunds, and what does the crane lift?").support(sentence) is None


def test_a_number_is_not_lent_to_the_matter_of_the_next_sentence() -> None:
    text = "Channel 12 is the working channel of the harbour. Channel 14 is for pilots and the pilot boat."
    asked = Sources("Which channel is for the pilot boat?", [hit(1, text)], HashedWords())
    assert asked.support("Channel 12 is for the pilot boat.") is None
    found = asked.support("Channel 14 is for the pilot boat.")
    assert found is not None
    assert found.text == "Channel 14 is for pilots and the pilot boat."


def test_a_not_that_only_one_has_is_no_support() -> None:
    text = "The operator returns early out of the function. It doesn't panic."
    asked = Sources("What does the operator do?", [hit(1, text)], HashedWords())
    assert asked.support("The operator does not return early out of the function.") is None
    assert asked.support("It panics.") is None
    assert asked.support("The operator returns early.") is not None
    assert asked.support("It does not panic.") is not None


def test_each_sentence_of_a_draft_is_checked_by_itself() -> None:
    draft = "The crane lifts 40 tonnes. It also makes excellent coffee for visitors."
    checked = list(sources("What does the crane do?").check(draft))
    assert [part.quote is not None for part in checked] == [True, False]
    assert " ".join(part.sentence for part in checked) == draft


def test_a_bare_yes_is_carried_by_what_bears_on_the_question() -> None:
    found = sources("Was the crane built by Halvorsen?").support("Yes.")
    assert found is not None
    assert "Halvorsen" in found.text


def test_the_most_apt_sentence_fits_the_question() -> None:
    found = sources("Who built the crane, was it Halvorsen in 1962?").most_apt()
    assert found is not None
    assert found.text == "It was built by Halvorsen in 1962."


def test_no_sentence_is_apt_for_something_else() -> None:
    assert sources("zygote quasar").most_apt() is None


def test_no_sources_support_nothing() -> None:
    empty = Sources("Anything?", [], HashedWords())
    assert empty.support("Something.") is None
    assert empty.most_apt() is None


def test_the_rows_of_a_table_stay_apart_and_lines_of_text_do_not() -> None:
    table = "| to EUR 500 |  the Manager |\n| above   | the Officer |"
    assert unwrapped(table) == "| to EUR 500 | the Manager |\n| above | the Officer |"
    assert unwrapped("one line\n  of text | and\n\nmore") == "one line of text | and more"
    assert unwrapped("| one row | alone |") == "| one row | alone |"
