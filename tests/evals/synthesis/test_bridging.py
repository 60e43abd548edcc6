from __future__ import annotations

import random

import pytest

from ragent_evals.synthesis.bridging import bridges
from ragent_evals.synthesis.describing import descriptions
from ragent_evals.synthesis.sentences import Sentence, sentences_of


def one(uri: str, text: str) -> Sentence:
    return next(sentences_of(uri, "", text, frozenset()))


GIFT = one("a", "The harbour archive was given to Mirren Oake in 1998 by the widow of the engineer.")
BUILT = one("b", "Mirren Oake built the granite bridge over the northern channel.")
OTHER = one("c", "Signe Hald wrote the leaflet about the history of the mole.")


@pytest.mark.parametrize(
    ("name", "text", "phrase"),
    [
        ("Mirren Oake", BUILT.text, "the person who built the granite bridge over the northern channel"),
        (
            "Pier Light",
            "The tide gauge stands on the Pier Light.",
            "the person on whom the tide gauge stands",
        ),
        ("Berth 3", "Berth 3, the commercial quay, is booked by noon.", "the commercial quay"),
        ("Port Ebb", "Port Ebb is the largest town on the island.", "the largest town on the island"),
        (
            "Berth 3",
            "A ferry on fire is received at Berth 3, which has the largest hydrant of the harbour.",
            "the person who has the largest hydrant of the harbour",
        ),
        (
            "Custom House",
            "On 2 February 1953 the water stood 1.4 metres deep in the Custom House.",
            "the person in whom the water stood 1.4 metres deep on 2 February 1953",
        ),
    ],
)
def test_a_sentence_describes_what_bears_a_name(name: str, text: str, phrase: str) -> None:
    assert phrase in [each.phrase("person") for each in descriptions(name, one("a", text))]


def test_a_thing_is_spoken_of_as_one() -> None:
    (told,) = descriptions("Pier Light", one("a", "The old tide gauge stands on the Pier Light."))
    assert told.phrase("light") == "the light on which the old tide gauge stands"
    assert told.has_article


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Berth 1", "It was replaced by the linkspan at Berth 1, which was built by Tarrow Ironworks."),
        ("Harbour Master", "The Deputy Harbour Master answers all proposals within thirty days."),
        ("Harbour Master", "The Harbour Master's secretary takes the minutes of all meetings."),
        ("MV Tern", "MV Tern was not allowed to carry any vehicles to the island."),
        ("MV Solan", "MV Solan may carry 250 passengers and MV Tern 120."),
    ],
)
def test_what_is_said_of_something_else_describes_nothing(name: str, text: str) -> None:
    assert not list(descriptions(name, one("a", text)))


def test_two_documents_are_bridged_by_a_name_that_both_hold() -> None:
    found = bridges([GIFT, BUILT, OTHER], random.Random(0))
    assert {(each.name, each.target.text) for each in found} == {("Mirren Oake", "1998")}
    assert [each.sentence for each in found[0].described] == [BUILT]
    assert not bridges([GIFT, OTHER], random.Random(0))


def test_one_document_has_no_bridge() -> None:
    told = one("a", BUILT.text)
    assert not bridges([GIFT, told], random.Random(0))
