"""Support falls with every sign that a quote is about something else."""

from __future__ import annotations

from ragent.rag.citing import Sources
from ragent.rag.pointing import fitted
from ragent.rag.reading import Reading
from ragent.rag.support import LIKELIHOOD, Support, probability
from ragent.types import Hit
from tests.making import HashedWords

NUMBERS = fitted()["support"]
MEANS = {name: number["mean"] for name, number in NUMBERS["signs"].items()}


def support(question: str, text: str, likelihood: float | None = None) -> float:
    hit = Hit(1, 1.0, 1, 1, "file:///x", "", None, 0, len(text), text, "", {})
    sources = Sources(question, [hit], HashedWords())
    return Support(Reading(question, HashedWords()), sources, NUMBERS).of(sources.sentences[0], likelihood)


def test_each_sign_moves_support_its_own_way() -> None:
    better = {"likeness", "nearest", "words", "alignment", LIKELIHOOD}
    assert better | {"names missing", "denial"} == set(NUMBERS["signs"])
    for name in ("likeness", "nearest", LIKELIHOOD):
        low, high = (probability({**MEANS, name: MEANS[name] + step}, NUMBERS) for step in (-0.2, 0.2))
        assert low < high, name
    for name in ("names missing", "denial"):
        low, high = (probability({**MEANS, name: step}, NUMBERS) for step in (0.0, 1.0))
        assert low > high, name


def test_a_sign_that_is_not_there_counts_as_its_mean() -> None:
    without = {name: mean for name, mean in MEANS.items() if name != "alignment"}
    assert probability(without, NUMBERS) == probability(MEANS, NUMBERS)


def test_a_name_that_the_quote_lacks_costs_support() -> None:
    quote = "The crane was built by Halvorsen in Oslo."
    assert support("Who built the crane in Oslo?", quote) > support("Who built the crane in Bergen?", quote)


def test_a_denial_costs_support() -> None:
    quote = "The crane was built by Halvorsen."
    assert support("Who built the crane?", quote) > support("Who never built the crane?", quote)


def test_a_model_that_expects_the_question_raises_support() -> None:
    quote = "The crane was built by Halvorsen."
    assert support("Who built it?", quote, 0.0) < support("Who built it?", quote, 4.0)
