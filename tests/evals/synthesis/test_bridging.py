from __future__ import annotations

import random

from ragent_evals.synthesis.bridging import bridges
from ragent_evals.synthesis.sentences import Sentence, sentences_of
from ragent_evals.synthesis.targets import targets_of
from ragent_evals.synthesis.twisting import Twists


def one(uri: str, text: str) -> Sentence:
    return next(sentences_of(uri, "", text, frozenset()))


GIFT = one("a", "The harbour archive was given to Mirren Oake in 1998 by the widow of the engineer.")
BUILT = one("b", "Mirren Oake built the granite bridge over the northern channel.")
OTHER = one("c", "Signe Hald wrote the leaflet about the history of the mole.")
QUESTION = "When was the harbour archive given to Mirren Oake?"


def test_a_name_is_bridged_by_what_another_document_says_of_its_bearer() -> None:
    (year,) = [target for target in targets_of(GIFT) if target.text == "1998"]
    (bridge,) = bridges(QUESTION, year, [GIFT, BUILT, OTHER])
    assert (bridge.name, bridge.about) == ("Mirren Oake", BUILT)
    assert bridge.described == "built the granite bridge over the northern channel"
    assert not list(bridges(QUESTION, year, [GIFT, OTHER]))


def test_a_name_is_exchanged_for_another_of_the_documents() -> None:
    twists = Twists.of([GIFT, BUILT, OTHER])
    asked = list(twists.of_question(QUESTION, random.Random(0)))
    assert asked == ["When was the harbour archive given to Signe Hald?"]
