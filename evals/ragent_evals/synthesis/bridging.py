"""Two-document questions: a name in one question gives way to what another document says of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragent.protocols import Scoring
from ragent.rag.terms import terms
from ragent.types import Message
from ragent_evals.synthesis.framing import predicate
from ragent_evals.synthesis.sentences import Sentence
from ragent_evals.synthesis.targets import Target, names_in, targets_of
from ragent_evals.synthesis.wording import flaw_of

NOUNS = (
    "person",
    "officer",
    "company",
    "body",
    "vessel",
    "building",
    "place",
    "instrument",
    "machine",
    "berth",
)
_PEOPLE = frozenset(("person", "officer"))
_FEWEST_TERMS, _MOST_WORDS = 3, 16


@dataclass(frozen=True, slots=True)
class Bridge:
    """A question about a name, and a sentence of another document that tells who or what bears it."""

    question: str
    name: str
    target: Target
    about: Sentence
    described: str


def bridges(question: str, target: Target, sentences: Sequence[Sentence]) -> Iterator[Bridge]:
    """Ways to ask the same without a name that the question holds."""
    for name in names_in(question):
        for other in sentences:
            if other.uri == target.sentence.uri or name not in other.text:
                continue
            opening = next((each for each in targets_of(other) if each.text == name), None)
            described = predicate(opening) if opening else ""
            if _describes(described, question, target):
                yield Bridge(question, name, target, other, described)


def compose(bridge: Bridge, model: Scoring) -> str:
    """The question with the name described; the model says what kind of thing it is. "" if that fails.

    The form is fixed: "the NOUN that ...", with one of `NOUNS`.

    Raises:
        LLMError: the model fails.
    """
    ask = f"{bridge.about.text}\n{bridge.target.sentence.text}\n\nWhat is {bridge.name}? Answer in a word."
    likelihoods = model.log_likelihoods([Message("user", ask)], NOUNS, "A ")
    noun = max(zip(likelihoods, NOUNS, strict=True))[1]
    if re.match(r"MV|SS|HMS|MS|RMS", bridge.name):
        noun = "vessel"
    description = f"the {noun} {'who' if noun in _PEOPLE else 'that'} {bridge.described}"
    composed = re.sub(rf"\b(?:the )?{re.escape(bridge.name)}\b(?!['’])", description, bridge.question)
    if (
        composed == bridge.question
        or bridge.name in composed
        or flaw_of(composed, bridge.target) not in {"", "long"}
    ):
        return ""
    return composed


def _describes(described: str, question: str, target: Target) -> bool:
    """Whether it says something of its own, and doesn't give the answer away."""
    said = terms(described)
    return (
        len(said - terms(question)) >= _FEWEST_TERMS
        and len(described.split()) <= _MOST_WORDS
        and not said & terms(target.text)
    )
