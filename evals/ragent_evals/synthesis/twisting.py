"""Questions that nothing answers: one that can be answered, with something else of the documents put in."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ragent.rag.terms import Weights, terms
from ragent.types import Hit
from ragent_evals.synthesis.framing import openings
from ragent_evals.synthesis.sentences import Sentence
from ragent_evals.synthesis.targets import Kind, found_in, targets_of

_MOST_COVERAGE = 0.6
_TRIED = 4
_ROLE = re.compile(r"(?:Officer|Master|Engineer|Manager|Coordinator|Secretary|Director|Minister|Foreman)$")
_PLACE = re.compile(
    r"\b(?:in|at|to|from|near|for|between) (?P<name>[A-Z][a-z]{3,}(?: [A-Z][a-z]+)?)(?![\w'’-]| [A-Z\d])"
)
_NO_PLACE = re.compile(
    r"(?:Jan|Febr)uary|March|April|May|June|July|August|(?:Sept|Nov|Dec)ember|October|\w+days?\b"
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*|^[a-z]+(?= )")


@dataclass(frozen=True, slots=True)
class Twists:
    """What may be put in: the names, roles, places, dates and measures of all documents.

    `weights` say how much each word tells; `looks` how each name is asked for; `places` are names that stand
    after "in", "at", "to" or the like.
    """

    words: dict[Kind, tuple[str, ...]]
    sentences: tuple[frozenset[str], ...]
    weights: Weights
    looks: dict[str, tuple[str, ...]]
    places: tuple[str, ...]

    @classmethod
    def of(cls, sentences: Sequence[Sentence]) -> Twists:
        """Those of some sentences."""
        words: dict[Kind, dict[str, None]] = {}
        looks: dict[str, tuple[str, ...]] = {}
        small = {word for sentence in sentences for word in re.findall(r"\b[a-z]+", sentence.text)}
        places: dict[str, None] = {}
        for sentence in sentences:
            for target in targets_of(sentence):
                words.setdefault(target.kind, {})[target.text] = None
                looks[target.text] = openings(target)
            for match in _PLACE.finditer(sentence.text):
                if match["name"].lower() not in small and not _NO_PLACE.match(match["name"]):
                    places[match["name"]] = None
        read = tuple(terms(sentence.text) for sentence in sentences)
        by_kind = {kind: tuple(texts) for kind, texts in words.items()}
        return cls(by_kind, read, Weights(read), looks, tuple(places))

    def of_question(self, question: str, chance: random.Random) -> Iterator[str]:
        """The question with one thing exchanged, in the order of chance: a few of each thing in it."""
        for start, end, others in self._exchanges(question):
            fitting = [other for other in dict.fromkeys(others) if other not in question]
            for new in chance.sample(fitting, min(_TRIED, len(fitting))):
                yield question[:start] + new + question[end:]

    def _exchanges(self, question: str) -> Iterator[tuple[int, int, Iterable[str]]]:
        """Spans of the question, and what may stand there."""
        for kind, start, end in found_in(question):
            old = question[start:end]
            if kind == "name" and _ROLE.search(old):
                yield start, end, (new for new in self.words.get(kind, ()) if _ROLE.search(new))
            elif kind in {"name", "date", "year"}:
                alike = (new for new in self.words.get(kind, ()) if _alike(new, old))
                yield start, end, (new for new in alike if self.looks[new] == self.looks.get(old))
            elif kind in {"measure", "money", "share"}:
                unit = _unit(old)
                yield start, end, (new for new in self.words.get(kind, ()) if _unit(new) == unit)
        for match in _PLACE.finditer(question):
            if match["name"] in self.places:
                yield *match.span("name"), self.places

    def is_unsupported(self, question: str, passages: Iterable[Hit]) -> bool:
        """Whether no sentence, and none of the passages, holds most of what the question says."""
        wanted, new = terms(question), [terms(name) for name in _names(question)]
        read = (terms(f"{hit.context} {hit.text}") for hit in passages)
        return not any(
            all(name <= held for name in new) and self.weights.coverage(wanted, held) >= _MOST_COVERAGE
            for held in (*self.sentences, *read)
        )


def _names(question: str) -> list[str]:
    found = [question[start:end] for kind, start, end in found_in(question) if kind != "count"]
    return found + [match["name"] for match in _PLACE.finditer(question)]


def _unit(amount: str) -> str:
    return _NUMBER.sub("", amount).strip()


def _alike(new: str, old: str) -> bool:
    """Whether both look the same: as many words, and of the same kind where the first word says it."""
    if len(new.split()) != len(old.split()) or new == old:
        return False
    first, last = old.split()[0], old.split()[-1]
    if last.isdigit() and not old.isdigit():
        return new.split()[0] == first
    return bool(re.match(r"MV|SS|HMS", new)) == bool(re.match(r"MV|SS|HMS", old))
