"""The quoting style of `ask`: the words of the documents that answer a question, found without writing any.

A linear model over the signs of `ragent.rag.spans` scores each stretch of the aptest sentences. A language
model that can say how likely it finds a text then has a say among the best of them. Both weights come from
`fitted.json`, which `evals/benchmarks/fit_answers.py` writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from ragent.prompts import PromptTemplate
from ragent.protocols import Scoring
from ragent.rag.asked import Kind
from ragent.rag.citing import Quote, Sources, Supported, own_words
from ragent.rag.reading import Reading
from ragent.rag.spans import signs_of, spans, split_words
from ragent.rag.support import question_likelihood
from ragent.rag.terms import terms
from ragent.types import Message, PromptUsed

SENTENCES = 3
"""How many of the aptest sentences are looked into."""

SHORTLIST = 10
"""How many of the best stretches a language model compares."""

_LOOK_AT = 4 * SENTENCES
_HEADING_WORDS = 8
_WANT_SENTENCES: frozenset[Kind] = frozenset(("why", "how", "other"))


@dataclass(frozen=True, slots=True)
class Pointed:
    """A stretch of a quote: `quote.text[start:end]`. Higher scores are better."""

    quote: Quote
    start: int
    end: int
    score: float

    @property
    def text(self) -> str:
        return self.quote.text[self.start : self.end]


@cache
def fitted() -> Mapping[str, Any]:
    """The numbers that were fitted, and to what."""
    data: Mapping[str, Any] = json.loads(files("ragent.rag").joinpath("fitted.json").read_text("utf-8"))
    return data


def point(reading: Reading, sources: Sources, weights: Mapping[str, float]) -> list[Pointed]:
    """Stretches of the aptest sentences, best first; none where no sentence holds any."""
    return sorted(
        (
            Pointed(quote, start, end, sum(weights.get(name, 0.0) * sign for name, sign in signs.items()))
            for quote, start, end, signs in candidates(reading, sources)
        ),
        key=lambda pointed: -pointed.score,
    )


def candidates(reading: Reading, sources: Sources) -> Iterator[tuple[Quote, int, int, dict[str, float]]]:
    """Each stretch of the aptest sentences, with all its signs."""
    best = [apt for apt in sources.ranked(_LOOK_AT) if not _is_heading(apt.quote.text)][:SENTENCES]
    reading.read([apt.quote.text for apt in best])
    wanted = terms(reading.question)
    for rank, apt in enumerate(best):
        text = apt.quote.text
        words = split_words(text)
        found = list(spans(text, words))
        meaning = reading.meaning(text, words)
        shared = {
            "aptness": apt.aptness - best[0].aptness,
            "likeness": apt.likeness - best[0].likeness,
            "aptest": float(rank == 0),
        }
        for span, signs in zip(
            found, signs_of(words, found, wanted, sources.weights, reading.asked.kind), strict=True
        ):
            near = dict(meaning.signs(span)) if meaning else {}
            yield apt.quote, words[span.first].start, words[span.last].end, {**shared, **signs, **near}


def _is_heading(text: str) -> bool:
    """Whether a text says what follows rather than anything itself."""
    return len(text.split()) < _HEADING_WORDS and text[-1] not in ".!?;|\"'”’)"


@dataclass(frozen=True, slots=True)
class Found:
    """What a pointer found, if anything, and what the model read on the way."""

    answer: Supported | None
    prompts: tuple[tuple[Message, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Pointer:
    """Finds the words that answer a question, with the say of a language model, which writes nothing."""

    model: Scoring
    template: PromptTemplate
    asking_back: PromptTemplate

    @property
    def used(self) -> tuple[PromptUsed, ...]:
        """The templates it renders."""
        return self.template.used, self.asking_back.used

    def find(self, reading: Reading, sources: Sources) -> Found:
        """The sentence of the best stretch; and the stretch, if a name or number may be what is wanted.

        Raises:
            ContextOverflow: the model can't read the sentences and the question together.
            LLMError: the model fails.
        """
        numbers = fitted()
        best = point(reading, sources, numbers["spans"])[:SHORTLIST]
        if not best:
            return Found(None)
        weighed, read = weigh(best, reading.question, self.template, self.model, numbers["likelihood"])
        quote = weighed[0].quote
        likelihood, asked_back = question_likelihood(
            reading.question, quote.text, self.asking_back, self.model
        )
        short = "" if reading.asked.kind in _WANT_SENTENCES else weighed[0].text
        return Found(replace(own_words(quote), likelihood=likelihood, short=short), (read, *asked_back))


def weigh(
    best: Sequence[Pointed], question: str, template: PromptTemplate, model: Scoring, weight: float
) -> tuple[list[Pointed], tuple[Message, ...]]:
    """The stretches in a new order, by score and the model's mean ln p of their tokens; and what it read."""
    sentences = list(dict.fromkeys(pointed.quote.text for pointed in best))
    messages = template.render(passages=sentences, question=question)
    likelihoods = model.log_likelihoods(messages, [pointed.text for pointed in best])
    lengths = model.count([pointed.text for pointed in best])
    weighed = [
        replace(pointed, score=pointed.score + weight * likelihood / length)
        for pointed, likelihood, length in zip(best, likelihoods, lengths, strict=True)
    ]
    return sorted(weighed, key=lambda pointed: -pointed.score), messages
