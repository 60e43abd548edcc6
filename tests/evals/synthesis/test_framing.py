from __future__ import annotations

import pytest

from ragent_evals.synthesis.framing import frames, openings
from ragent_evals.synthesis.sentences import Sentence, sentences_of
from ragent_evals.synthesis.targets import Target, targets_of
from ragent_evals.synthesis.wording import flaw_of
from ragent_evals.synthesis.writing import question_form


def sentence(text: str) -> Sentence:
    (found,) = sentences_of("file:///a.txt", "A", text, frozenset(("Skerrin",)))
    return found


def target(text: str, words: str) -> Target:
    return next(each for each in targets_of(sentence(text)) if each.text == words)


@pytest.mark.parametrize(
    ("text", "words", "question"),
    [
        (
            "The repair of the linkspan cost EUR 48,600 last year.",
            "EUR 48,600",
            "How much did the repair of the linkspan cost last year?",
        ),
        (
            "The linkspan was handed back to the ferry on 2 December 2023.",
            "2 December 2023",
            "When was the linkspan handed back to the ferry?",
        ),
        (
            "The recordings of the radio are kept for 90 days.",
            "90 days",
            "For how many days are the recordings of the radio kept?",
        ),
        (
            "The Environmental Officer measures turbidity at the Trust's own cost.",
            "Environmental Officer",
            "Who measures turbidity at the Trust's own cost?",
        ),
        (
            "On 2 February 1953 the water stood 1.4 metres deep in the Custom House.",
            "1.4 metres",
            "How many metres did the water stand deep in the Custom House on 2 February 1953?",
        ),
        (
            "MV Solan may carry 250 passengers in summer.",
            "250 passengers",
            "How many passengers may MV Solan carry in summer?",
        ),
    ],
)
def test_a_statement_is_turned_round(text: str, words: str, question: str) -> None:
    asked = target(text, words)
    assert question in frames(asked)
    assert flaw_of(question, asked) == ""


def test_parts_of_a_list_are_no_answers() -> None:
    assert not list(targets_of(sentence("Watches change every day at 06:00, 14:00 and 22:00.")))


def test_headings_tables_and_fragments_are_no_statements() -> None:
    fragments = "2. Incident\n\n| a | b |\n\nall of this is small and long enough.\n\n"
    text = f"{fragments}The mole was finished in 1826 by Pell."
    found = list(sentences_of("u", "t", text, frozenset()))
    assert [each.text for each in found] == ["The mole was finished in 1826 by Pell."]
    assert all(text[each.start : each.end] == each.raw for each in found)


def test_a_sentence_on_two_lines_finds_its_words_in_the_document() -> None:
    text = "# Mole\n\nThe old mole was\nfinished in 1826 by the board."
    (found,) = [each for each in sentences_of("u", "t", text, frozenset()) if "mole was" in each.text]
    span = found.find("was finished in 1826")
    assert span is not None
    assert text[slice(*span)] == "was\nfinished in 1826"


COST = target("A monthly pass for Aldersay costs EUR 142.00 a person.", "EUR 142.00")


@pytest.mark.parametrize(
    ("question", "flaw"),
    [
        ("How much does a monthly pass for Aldersay cost a person?", ""),
        ("How much does the passage say a monthly pass costs?", "generic"),
        ("How much does it cost for a monthly pass to Aldersay?", "reference"),
        ("How much is EUR 142.00 of a monthly pass for Aldersay?", "gives the answer"),
        ("How much does a monthly pass for Aldersay is a person?", "broken"),
        ("How much a monthly pass for Aldersay costs a person?", "broken"),
        ("How much does a monthly pass for Aldersay cost the?", "broken"),
        ("How much does a pass cost?", "thin"),
        ("How much does a new one for Aldersay cost a person?", "reference"),
        ("How much is a monthly pass for Aldersay replaced once?", "broken"),
        ("How much does a monthly pass for Aldersay cost and MV Tern 120?", "broken"),
    ],
)
def test_flaws_of_wording(question: str, flaw: str) -> None:
    assert flaw_of(question, COST) == flaw


def test_the_grammar_holds_the_model_to_the_sentence() -> None:
    form = question_form(COST)
    assert openings(COST) == ("How much",)
    assert form.accepts("How much does a monthly pass for Aldersay cost?")
    assert not form.accepts("How much does a yearly pass for Aldersay cost?")
    assert not form.accepts("How much does a monthly pass cost EUR 142.00?")
    assert not form.accepts("Who does a monthly pass for Aldersay cost?")
