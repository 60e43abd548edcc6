"""The same question in other words: by rules that keep its meaning, and by a model."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from ragent.errors import RagentError
from ragent.prompts import PromptTemplate
from ragent.protocols import LLM
from ragent.types import Sampling
from ragent_evals.sets.case import Case

_LIGHT = frozenset(
    (
        *("a", "an", "the", "of", "in", "on", "at", "to", "for", "by", "with", "from", "and", "or"),
        *("is", "are", "was", "were", "be", "been", "do", "does", "did", "has", "have", "had", "it", "its"),
        *("what", "who", "whom", "whose", "which", "when", "where", "why", "how"),
        *("that", "this", "these", "those", "there"),
    )
)
_FORM = r"[A-Z][^\n<>{}]{8,150}\?"


def as_asked(question: str) -> str:
    """As it is."""
    return question


def polite(question: str) -> str:
    """With a request before it: "Can you tell me: who signs?"."""
    return f"Can you tell me: {question}"


def small_letters(question: str) -> str:
    """As people type: "who is ann lee"."""
    return question.lower().rstrip("?. ")


def keywords(question: str) -> str:
    """What people type into a search box: the words that carry meaning."""
    words = [word for word in re.findall(r"[\w'’-]+", question) if word.lower() not in _LIGHT]
    return " ".join(words) or question


RULES: Mapping[str, Callable[[str], str]] = {
    "as asked": as_asked,
    "polite": polite,
    "small letters": small_letters,
    "keywords": keywords,
}


def rephrased(llm: LLM, template: PromptTemplate, cases: Sequence[Case]) -> dict[str, str]:
    """Each question as a model has it, by case: one line that ends as a question, by a grammar.

    A case that the model has nothing for, or whose question comes back as it was, is left out.
    """
    from outlines.types import Regex

    from ragent.structured import generate

    said = {}
    for case in cases:
        messages = template.render(count=1, question=case.question)
        try:
            text = str(generate(llm, messages, Regex(_FORM), sampling=Sampling(max_tokens=40)).value)
        except RagentError:
            continue
        if text.lower() != case.question.lower():
            said[case.id] = text
    return said
