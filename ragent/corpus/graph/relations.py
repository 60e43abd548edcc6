"""What a sentence says of two names next to each other: in its own words between them, if these link them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import regex

from ragent.chunking.sentences import split_sentences
from ragent.corpus.graph.mentions import Mention, Usage, find_mentions
from ragent.corpus.graph.vocabulary import AUXILIARIES, DETERMINERS, PREPOSITIONS, ROLES, VERBS

VERSION = "1"
"""Other whenever a text is read differently, so that what an older version read is read anew."""

_WORD = regex.compile(r"[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*")
_BREAK = regex.compile(r"[|;:•]|\n\s*\n|\n\s*[-*+]\s|\n[ \t]+")
_APPOSED = regex.compile(r"\s*,\s*(?:the\s+|a\s+|an\s+)?|\s*\n[ \t]*|\s*[(–—:]\s*")
_RELATIVE = regex.compile(r"\b(?:which|who|that)\b|^,\s(?=\p{Ll}+(?:ing|ed)\b)")
_JOINING = frozenset({"and", "or", "but"})
_LOOK_BACK = 40
_MOST_ADJECTIVES = 2
_ED = regex.compile(r"\p{Ll}{2,}ed")
_LONGEST_LABEL = 8
_MOST_NAMES = 12


@dataclass(frozen=True, slots=True)
class Relation:
    """How the sentence at characters `start` to `end` links one mention to another, in its own words.

    An empty label: the two only stand in it together.
    """

    source: Mention
    target: Mention
    label: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Extraction:
    """What was read in a text."""

    mentions: tuple[Mention, ...]
    relations: tuple[Relation, ...]


def extract(text: str, usage: Usage) -> Extraction:
    """Read names and what is said of them in a text, whose document uses words as `usage` tells."""
    mentions = find_mentions(text, usage)
    relations: list[Relation] = []
    for start, end in split_sentences(text):
        inside = [mention for mention in mentions if start <= mention.start and mention.end <= end]
        if 1 < len(inside) <= _MOST_NAMES:
            relations += _relations(text, inside, (start, end))
    return Extraction(tuple(mentions), tuple(relations))


def _relations(text: str, mentions: Sequence[Mention], span: tuple[int, int]) -> list[Relation]:
    found: dict[tuple[str, str], Relation] = {}
    for source, target in pairwise(mentions):
        label = _label(text, source, target)
        if label and source.key != target.key:
            found.setdefault((source.key, target.key), Relation(source, target, label, *span))
    for position, source in enumerate(mentions):
        for target in mentions[position + 1 :]:
            first, second = sorted((source, target), key=lambda mention: mention.key)
            pair = first.key, second.key
            if first.key != second.key and pair not in found and pair[::-1] not in found:
                found[pair] = Relation(first, second, "", *span)
    return list(found.values())


def _label(text: str, source: Mention, target: Mention) -> str:
    """How the words between two names link them; empty if they don't."""
    between = text[source.end : target.start]
    if _APPOSED.fullmatch(between) and _may_hold(text, source, target):
        return "is"
    if _BREAK.search(between) or between.startswith(("'", "’")):
        return ""
    relative = _RELATIVE.search(between)
    words = _linking(between[relative.end() :] if relative else between)
    if not 0 < len(words) <= _LONGEST_LABEL or ("," in between and not relative):
        return ""
    # In "crossings to Aldersay began", it isn't Aldersay that began.
    begins = bool(relative) or not _follows_preposition(text, source)
    return " ".join(words) if begins or not any(map(_is_verb, words)) else ""


def _may_hold(text: str, source: Mention, target: Mention) -> bool:
    """Whether the one may be someone and the other their office."""
    is_someone = source.kind in {"", "person"} and not _is_role(source)
    return is_someone and _is_role(target) and not text.startswith(("'s", "’s"), target.end)


def _linking(between: str) -> list[str]:
    """The words up to the last verb or preposition: none if too many follow it, or others are joined on."""
    words = [word.casefold() for word in _WORD.findall(between)]
    links = [place for place, word in enumerate(words) if _is_verb(word) or word in PREPOSITIONS]
    if not links or not _JOINING.isdisjoint(words):
        return []
    rest = [word for word in words[links[-1] + 1 :] if word not in DETERMINERS]
    if len(rest) > _MOST_ADJECTIVES or any(word[0].isdigit() for word in rest):
        return []
    first = next(place for place, word in enumerate(words) if word not in DETERMINERS)
    return words[first : links[-1] + 1]


def _follows_preposition(text: str, source: Mention) -> bool:
    before = [
        word.casefold() for word in _WORD.findall(text[max(0, source.start - _LOOK_BACK) : source.start])
    ]
    while before and before[-1] in DETERMINERS:
        del before[-1]
    return bool(before) and before[-1] in PREPOSITIONS


def _is_verb(word: str) -> bool:
    return word in AUXILIARIES or word in VERBS or _ED.fullmatch(word) is not None


def _is_role(mention: Mention) -> bool:
    return any(word in ROLES for word in mention.key.split())
