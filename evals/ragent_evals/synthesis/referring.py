"""Definite words that only the text around a sentence explains, as "during the closure"."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from ragent_evals.synthesis.sentences import Sentence

_DEFINITE = re.compile(
    r"\bthe (?P<noun>[a-z][a-z-]+)"
    r"(?=[?.,;]|$| (?:is|are|was|were|has|have|had|may|must|can|will|should|did|do|does|not|be|been)\b"
    r"| (?:at|in|on|by|to|from|for|after|before|during|until|since|between|and|or|with)\b"
    r"| (?:cost|stand|stood|take|took|run|ran|last|begin|began|come|came|give|gave)\b)"
)
_ONE_ONLY = frozenset(
    (
        *("police", "sea", "sun", "moon", "world", "public", "weather", "wind", "law", "coast", "ground"),
        *("press", "government", "internet", "king", "queen", "war", "water", "air", "sky", "past", "future"),
    )
)
_TOLD_APART = re.compile(
    r" (?:of|for|that|which|who|whose|where|between|with"
    r"|(?:at|in|on|by|to|from|behind|beside|into) (?:which|whom))\b"
)
_EVENT = frozenset(
    (
        *("accident", "increase", "closure", "commission", "decision", "discussion", "event", "incident"),
        *(
            "investigation",
            "meeting",
            "operation",
            "period",
            "proposal",
            "repair",
            "squall",
            "storm",
            "trial",
        ),
        *(
            "visit",
            "work",
            "case",
            "matter",
            "result",
            "claim",
            "extra",
            "amount",
            "change",
            "recommendation",
        ),
    )
)
_COUNTED = re.compile(
    r"\bthe (?:first|second|third|next|last|previous|new|old) (?:half )?"
    r"(?:second|minute|hour|day|week|month|year|one|time)s?(?! of\b| in [A-Z\d]| after\b| before\b)"
)
_FEWEST_DOCUMENTS, _FEWEST_SENTENCES = 2, 3


@dataclass(frozen=True, slots=True)
class Definites:
    """Nouns that the documents use as names, as "the harbour": one thing wherever they stand."""

    known: frozenset[str]

    @classmethod
    def of(cls, sentences: Iterable[Sentence]) -> Definites:
        """Those that several documents use with "the"; of fewer than three documents, several sentences."""
        documents: dict[str, set[str]] = defaultdict(set)
        places: dict[str, int] = defaultdict(int)
        every = set()
        for sentence in sentences:
            every.add(sentence.uri)
            for noun in set(re.findall(r"\b[Tt]he ([a-z][a-z-]+)", sentence.text)):
                documents[noun].add(sentence.uri)
                places[noun] += 1
        few = len(every) <= _FEWEST_DOCUMENTS
        return cls(
            _ONE_ONLY.union(
                noun
                for noun in documents
                if noun not in _EVENT
                and (places[noun] >= _FEWEST_SENTENCES if few else len(documents[noun]) >= _FEWEST_DOCUMENTS)
            )
        )

    def is_clear(self, question: str) -> bool:
        """Whether every "the NOUN" is told apart by words beside it, introduced before, or known."""
        if _COUNTED.search(question):
            return False
        return all(
            match["noun"] in self.known
            or _TOLD_APART.match(question, match.end())
            or re.search(rf"\b(?:an?|each|every) (?:\w+ )?{match['noun']}\b", question[: match.start()])
            for match in _DEFINITE.finditer(question)
        )
