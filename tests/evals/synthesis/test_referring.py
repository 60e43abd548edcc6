from __future__ import annotations

import pytest

from ragent_evals.synthesis.referring import Definites
from ragent_evals.synthesis.sentences import sentences_of

TEXTS = {
    "a": "The linkspan was handed back after the closure in the winter.",
    "b": "MV Tern carried the foot passengers when the linkspan failed, during the closure.",
    "c": "The display showed an old value without any mark at all.",
}
DEFINITES = Definites.of(
    [sentence for uri, text in TEXTS.items() for sentence in sentences_of(uri, "", text, frozenset())]
)


@pytest.mark.parametrize(
    ("question", "clear"),
    [
        ("When was the linkspan handed back?", True),
        ("Which ship carried foot passengers during the closure?", False),
        ("Which ship carried foot passengers during the closure of Berth 1?", True),
        ("When did the display show an old value?", True),
        ("What did an old display show before the display?", True),
        ("How long did a value stay on the display?", False),
        ("How much is waiting time after the first half hour?", False),
        ("When is the light on which the gauge is mounted lit?", False),
        ("How many police officers came by the sea?", True),
    ],
)
def test_a_definite_noun_needs_something_that_tells_it_apart(question: str, clear: bool) -> None:
    assert DEFINITES.is_clear(question) is clear


def test_few_documents_make_a_noun_known_by_several_sentences() -> None:
    text = "The mole is old and grey. The mole is very long indeed. Nobody has ever measured the mole."
    alone = Definites.of(list(sentences_of("a", "", text, frozenset())))
    assert alone.is_clear("Who measured the mole?")
    assert not alone.is_clear("Who measured the depth?")
