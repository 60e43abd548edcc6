"""Has a language model say how two names of a sentence are linked, in the sentence's own words.

All that it may write is names and runs of words of the sentence, from which it chooses under a schema: what
it says may be wrong, but it can't be made up.
"""

from __future__ import annotations

from collections.abc import Sequence

import regex

from ragent.chunking.sentences import split_sentences
from ragent.corpus.graph.building import Reader
from ragent.corpus.graph.mentions import Mention
from ragent.corpus.graph.relations import Extraction, Relation
from ragent.errors import ContextOverflow, MalformedOutput
from ragent.protocols import LLM
from ragent.structured import generate
from ragent.types import Message, Sampling

_WORD = regex.compile(r"[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*")
_LONGEST_LABEL = 4
_MOST_NAMES = 6
_MOST_FACTS = 3
_MOST_TOKENS = 200
_TASK = (
    "Which facts does the sentence state about these names? Each fact is a source, a label (the words of the "
    "sentence that link the two) and a target. Answer with a JSON list; an empty one if it states none."
)


def model_reader(llm: LLM) -> Reader:
    """A reader that asks a model about each sentence with names that the rules found no words between.

    Sentences that are longer than the model reads are left to the rules. The reader raises LLMError if the
    model fails.
    """

    def read(text: str, found: Extraction) -> Extraction:
        relations = list(found.relations)
        for start, end in split_sentences(text):
            inside = [one for one in found.mentions if start <= one.start and one.end <= end]
            here = [one for one in relations if (one.start, one.end) == (start, end)]
            if here and not any(one.label for one in here) and len(inside) <= _MOST_NAMES:
                told = _ask(llm, text[start:end], text, inside, (start, end))
                pairs = [{one.source.key, one.target.key} for one in told]
                left = [one for one in here if {one.source.key, one.target.key} not in pairs]
                relations = [one for one in relations if one not in here] + left + told
        return Extraction(found.mentions, tuple(relations))

    return read


def _ask(
    llm: LLM, sentence: str, text: str, mentions: Sequence[Mention], span: tuple[int, int]
) -> list[Relation]:
    names = {" ".join(text[one.start : one.end].split()): one for one in reversed(mentions)}
    labels = _labels(text, mentions, span)
    if not labels:
        return []
    prompt = f"Sentence: {' '.join(sentence.split())}\n\nNames: {'; '.join(reversed(names))}\n\n{_TASK}"
    sampling = Sampling(max_tokens=_MOST_TOKENS, temperature=0)
    try:
        made = generate(llm, [Message("user", prompt)], _schema(list(names), labels), sampling=sampling)
    except (MalformedOutput, ContextOverflow):
        return []
    facts = [(names[one["source"]], one["label"], names[one["target"]]) for one in made.value]
    first: dict[frozenset[str], Relation] = {}
    for source, label, target in facts:
        if source.key != target.key:
            first.setdefault(frozenset((source.key, target.key)), Relation(source, target, label, *span))
    return list(first.values())


def _labels(text: str, mentions: Sequence[Mention], span: tuple[int, int]) -> list[str]:
    """Every run of one to four words of a sentence in which no name stands, lower-cased."""
    edges = [span[0], *(edge for one in mentions for edge in (one.start, one.end)), span[1]]
    found: dict[str, None] = {}
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        words = [match[0].casefold() for match in _WORD.finditer(text, begin, end)]
        for first in range(len(words)):
            for last in range(first + 1, min(first + _LONGEST_LABEL, len(words)) + 1):
                found[" ".join(words[first:last])] = None
    return list(found)


def _schema(names: Sequence[str], labels: Sequence[str]) -> dict[str, object]:
    fact = {
        "type": "object",
        "properties": {
            "source": {"enum": list(names)},
            "label": {"enum": list(labels)},
            "target": {"enum": list(names)},
        },
        "required": ["source", "label", "target"],
        "additionalProperties": False,
    }
    return {"type": "array", "items": fact, "maxItems": _MOST_FACTS}
