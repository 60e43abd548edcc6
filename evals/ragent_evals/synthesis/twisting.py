"""Questions that nothing answers: one that can be answered, with another name or date put in."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragent import Rag
from ragent.rag.terms import Weights, terms
from ragent_evals.synthesis.framing import openings
from ragent_evals.synthesis.sentences import Sentence
from ragent_evals.synthesis.targets import Kind, found_in, targets_of

_MOST_COVERAGE = 0.6
_TRIED = 12


@dataclass(frozen=True, slots=True)
class Twists:
    """What may be put in, by kind: the names and dates of all documents.

    `weights` say how much each word tells; `looks` how each name is asked for.
    """

    words: dict[Kind, tuple[str, ...]]
    sentences: tuple[tuple[str, frozenset[str]], ...]
    weights: Weights
    looks: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, sentences: Sequence[Sentence]) -> Twists:
        """Those of some sentences."""
        words: dict[Kind, dict[str, None]] = {}
        looks: dict[str, tuple[str, ...]] = {}
        for sentence in sentences:
            for target in targets_of(sentence):
                words.setdefault(target.kind, {})[target.text] = None
                looks[target.text] = openings(target)
        read = tuple((sentence.text, terms(sentence.text)) for sentence in sentences)
        by_kind = {kind: tuple(texts) for kind, texts in words.items()}
        return cls(by_kind, read, Weights([held for _, held in read]), looks)

    def of_question(self, question: str, chance: random.Random) -> Iterator[str]:
        """The question with one name or date exchanged, in the order of chance."""
        for kind, start, end in found_in(question):
            if kind not in {"name", "date", "year"}:
                continue
            old = question[start:end]
            looks = self.looks.get(old)
            others = [
                word
                for word in self.words.get(kind, ())
                if _alike(word, old) and word not in question and self.looks[word] == looks
            ]
            for new in chance.sample(others, min(_TRIED, len(others))):
                yield question[:start] + new + question[end:]

    def is_unsupported(self, question: str, rag: Rag, k: int) -> bool:
        """Whether no sentence, and no passage that the search finds, holds most of what the question says."""
        wanted = terms(question)
        texts = [held for _, held in self.sentences]
        texts += [terms(f"{hit.context} {hit.text}") for hit in rag.search(question, k).hits]
        new = _names(question)
        for held in texts:
            if (
                all(terms(name) <= held for name in new)
                and self.weights.coverage(wanted, held) >= _MOST_COVERAGE
            ):
                return False
        return True


def _names(question: str) -> list[str]:
    return [
        question[start:end] for kind, start, end in found_in(question) if kind in {"name", "date", "year"}
    ]


def _alike(new: str, old: str) -> bool:
    """Whether both look the same: as many words, and of the same kind where the first word says it."""
    if len(new.split()) != len(old.split()) or new == old:
        return False
    first, last = old.split()[0], old.split()[-1]
    if last.isdigit() and not old.isdigit():
        return new.split()[0] == first
    return bool(re.match(r"MV|SS|HMS", new)) == bool(re.match(r"MV|SS|HMS", old))
