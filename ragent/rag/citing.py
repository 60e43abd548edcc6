"""Finds, for each sentence of a draft answer, the verbatim words of a passage that support it.

A small model's own citation marks are wrong more often than right, while the words it uses betray where it
read them: so support is measured by the overlap of stemmed content words, rare ones counting more. A number
that the source doesn't hold rules it out, and so does a "not" that only one of the two has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from ragent.chunking import split_sentences
from ragent.protocols import Embedder
from ragent.rag.showing import unwrapped
from ragent.rag.terms import Weights, denies, numbers, terms
from ragent.types import Hit

MIN_SUPPORT = 0.6
"""A sentence whose best source covers less of its weight than this counts as unsupported."""

MIN_APTNESS = 1.0
"""A sentence of a source that is less apt than this is no answer by itself."""

_MATTER_SHARE = 0.5
_APTNESS_SHARE = 0.2
_PAIR_PENALTY = 0.5
_RANK_PENALTY = 0.01
_LONG_QUOTE = 400


@dataclass(frozen=True, slots=True)
class Quote:
    """A verbatim stretch of a hit, of one or two sentences: `hit.text[start:end]`."""

    hit: Hit
    start: int
    end: int
    terms: frozenset[str]

    @property
    def text(self) -> str:
        return self.hit.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Supported:
    """A sentence of an answer with the quote that supports it best, if any does.

    `likelihood` is how much likelier a language model finds the question after the quote, if it was asked.
    `short` are the words of the quote that answer, where that can be told.
    """

    sentence: str
    quote: Quote | None
    likelihood: float | None = None
    short: str = ""


def own_words(quote: Quote) -> Supported:
    """A quote that speaks for itself; the rows of a table stay apart."""
    return Supported(unwrapped(quote.text), quote)


@dataclass(frozen=True, slots=True)
class Apt:
    """A sentence of a source, how well it fits the question, and how alike it is in meaning (a cosine)."""

    quote: Quote
    aptness: float
    likeness: float


class Sources:
    """The sentences of some hits, ready to be compared with one question and with answers to it."""

    def __init__(self, question: str, hits: Sequence[Hit], embedder: Embedder) -> None:
        self._question = question
        self._embedder = embedder
        self.sentences = [quote for hit in hits for quote in _quotes(hit)]
        self.weights = Weights([quote.terms for quote in self.sentences])
        self.wanted = terms(question)

    @cached_property
    def likeness(self) -> list[float]:
        """The cosine of each sentence with the question."""
        if not self.sentences:
            return []
        asked = self._embedder.embed_queries([self._question])[0]
        cosines: list[float] = (
            self._embedder.embed_documents([q.text for q in self.sentences]) @ asked
        ).tolist()
        return cosines

    @cached_property
    def aptness(self) -> list[float]:
        """How well each sentence fits the question, 0 to 2: shared words, plus likeness of meaning.

        Words of the question that no sentence holds count for nothing: they can't tell one from another.
        """
        known = self.wanted.intersection(frozenset().union(*(quote.terms for quote in self.sentences)))
        words = [self.weights.coverage(known, quote.terms) if known else 0 for quote in self.sentences]
        return [word + max(0.0, like) for word, like in zip(words, self.likeness, strict=True)]

    def ranked(self, most: int) -> list[Apt]:
        """The sentences that fit the question best, best first."""
        best = sorted(range(len(self.sentences)), key=self.aptness.__getitem__, reverse=True)[:most]
        return [Apt(self.sentences[i], self.aptness[i], self.likeness[i]) for i in best]

    def most_apt(self) -> Quote | None:
        """The sentence that fits the question best, or None if none fits well."""
        best = max(range(len(self.sentences)), key=self.aptness.__getitem__, default=None)
        return self.sentences[best] if best is not None and self.aptness[best] >= MIN_APTNESS else None

    def aptest(self, most: int = 2) -> list[Quote]:
        """The few sentences that fit the question best, of those that fit well, in the order of the hits."""
        best = sorted(range(len(self.sentences)), key=self.aptness.__getitem__, reverse=True)[:most]
        return [self.sentences[index] for index in sorted(best) if self.aptness[index] >= MIN_APTNESS]

    def check(self, answer: str) -> Iterator[Supported]:
        """Each sentence of an answer, in order, with its support."""
        for start, end in split_sentences(answer):
            if sentence := answer[start:end].strip():
                yield Supported(sentence, self.support(sentence))

    def support(self, sentence: str) -> Quote | None:
        """The one or two sentences that support a sentence best, or None."""
        # "Yes." has no words of its own: what bears on the question must carry it.
        wanted = terms(sentence) or self.wanted
        best, best_fitness = None, 0.0
        for quote, aptness, parts in self._candidates():
            coverage = self.weights.coverage(wanted, quote.terms)
            if coverage < MIN_SUPPORT or not self._holds_figures(wanted, parts):
                continue
            nearest = max(parts, key=lambda part: self.weights.coverage(wanted, part.terms))
            if denies(sentence) != denies(nearest.text):
                continue
            fitness = coverage + _APTNESS_SHARE * aptness - _RANK_PENALTY * quote.hit.rank
            if best is None or fitness > best_fitness:
                best, best_fitness = quote, fitness
        return best

    def _holds_figures(self, wanted: frozenset[str], parts: Sequence[Quote]) -> bool:
        """Whether each number that the question didn't bring stands in a sentence that speaks of the matter.

        Else one sentence could lend its number to the matter of the other.
        """
        figures = numbers(wanted) - self.wanted
        matter = [self.weights.coverage(wanted - figures, part.terms) for part in parts]
        about = [
            part.terms
            for part, share in zip(parts, matter, strict=True)
            if share >= _MATTER_SHARE * max(matter)
        ]
        return all(any(figure in held for held in about) for figure in figures)

    def _candidates(self) -> Iterator[tuple[Quote, float, Sequence[Quote]]]:
        """Each sentence, and (less gladly) each two that follow one another in a hit: aptness and parts."""
        for quote, aptness in zip(self.sentences, self.aptness, strict=True):
            yield quote, aptness, [quote]
        for index in range(len(self.sentences) - 1):
            first, second = parts = self.sentences[index : index + 2]
            if first.hit is second.hit:
                both = Quote(first.hit, first.start, second.end, first.terms | second.terms)
                yield both, min(self.aptness[index : index + 2]) - _PAIR_PENALTY, parts


def _quotes(hit: Hit) -> Iterator[Quote]:
    for start, end in _sentence_spans(hit.text):
        yield Quote(hit, start, end, terms(hit.text[start:end]))


def _sentence_spans(text: str) -> Iterator[tuple[int, int]]:
    for start, end in split_sentences(text):
        if end - start <= _LONG_QUOTE:
            yield from _trimmed(text, start, end)
            continue
        # Tables and listings have no sentences; their lines are what a reader would quote.
        for line in text[start:end].splitlines(keepends=True):
            yield from _trimmed(text, start, start + len(line))
            start += len(line)


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    end -= len(piece) - len(piece.rstrip())
    if end > start:
        yield start, end
