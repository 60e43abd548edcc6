"""From a question that passed to a case of a set, and how hard it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import xxhash

from ragent.rag.terms import terms
from ragent_evals.synthesis.sentences import Sentence
from ragent_evals.synthesis.targets import Target

_MUCH, _LITTLE = 0.8, 0.5

Line = dict[str, Any]
"""A case as it is written: see `ragent_evals.sets.case.Case`."""


def passage(sentence: Sentence) -> Line:
    """A whole sentence as the place of an answer: verbatim, for it is cut out of the document."""
    return {"text_id": sentence.uri, "quote": sentence.raw, "start": sentence.start, "end": sentence.end}


def answered(question: str, target: Target, slices: Mapping[str, str], *others: Sentence) -> Line:
    """A case with an answer. `others`: further sentences that must be known, of other documents."""
    sentences = (*others, target.sentence)
    return {
        "id": _id(question, target.sentence.uri, target.sentence.start),
        "kind": "answer",
        "question": question,
        "answers": [target.text],
        "is_impossible": False,
        "relevant": {sentence.uri: 1 for sentence in sentences},
        "passages": [passage(sentence) for sentence in sentences],
        "slices": {"hops": str(len(sentences)), "answer": target.kind, **slices},
    }


def unanswered(question: str, sentence: Sentence, slices: Mapping[str, str]) -> Line:
    """A case that nothing answers, made from a question about a sentence."""
    return {
        "id": _id(question, sentence.uri, sentence.start),
        "kind": "answer",
        "question": question,
        "answers": [],
        "is_impossible": True,
        "relevant": {},
        "passages": [],
        "slices": {"hops": "1", "answer": "none", **slices},
    }


def difficulty(question: str, rank: int, sentences: Sequence[str]) -> str:
    """How hard the passage is to find: by its rank, and by the words that question and sentences share.

    "easy" is found first, and shares nearly all words; "hard" is found late, or shares less than half.
    """
    asked = terms(question)
    held = frozenset().union(*(terms(sentence) for sentence in sentences))
    overlap = len(asked & held) / max(1, len(asked))
    if rank == 1 and overlap >= _MUCH:
        return "easy"
    return "hard" if rank > 2 or overlap < _LITTLE else "medium"


def _id(question: str, uri: str, start: int) -> str:
    return f"synth-{xxhash.xxh3_64_hexdigest(f'{question}|{uri}|{start}'.encode())}"
