"""Names and where they stand, by capitals: no model, and nothing but what is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import regex

from ragent.chunking.sentences import split_sentences
from ragent.corpus.graph.vocabulary import CALENDAR, ORGANISATIONS, PLACES, TITLES, UNITS
from ragent.index.names import normalise
from ragent.words.stopwords import STOP_WORDS

_WORD = r"\p{Lu}[\p{L}\p{N}]*(?:['’&-][\p{L}\p{N}]+)*"
_NUMBER = r"(?:No\.[ ]?)?\d{1,4}(?![\p{L}\d%/]|[.,:]\d)"
_LINK = r"(?:of|de|del|della|di|da|du|des|van|von|der|den|la|le)"
_NAME = regex.compile(
    rf"(?<![\p{{L}}\p{{N}}_@#/])(?:\p{{Lu}}\.[ ]?)*{_WORD}"
    rf"(?:[ ](?:{_NUMBER}|(?:{_LINK}[ ]){{0,2}}(?:\p{{Lu}}\.[ ]?)*{_WORD}))*"
)
_PIECE = regex.compile(r"\S+")
_LOWER = regex.compile(r"(?<![\p{L}\p{N}])\p{Ll}[\p{L}\p{N}]*")
_INITIALS = regex.compile(r"(?:\p{Lu}\.[ ]?)+")
_POSSESSIVE = regex.compile(r"['’]s$")
_POSSESSIVE_SIGNS = 2
_LINKED = regex.compile(rf"{_LINK}\b")
_HEADING = regex.compile(r"[^\p{Ll}]*\p{Lu}{4}[^\p{Ll}]*")
_MARK = regex.compile(r"[\s#>|*_`\-–•(\[\"“'‘]*(?:\d+[.)]\s+)?")
_LONGEST = 60
_SHORTEST = 2
_WRAPPED = 60
_WIDEST_MARK = 100


@dataclass(frozen=True, slots=True)
class Mention:
    """A name at characters `start` to `end`: as it is compared, and what kind of thing it is, if that shows.

    `kind` is person, organisation, place, code or empty.
    """

    key: str
    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Usage:
    """Which words a document has without a capital, and which with one inside a sentence."""

    small: frozenset[str]
    proper: frozenset[str]


def usage_of(text: str) -> Usage:
    """What tells a name at the beginning of a sentence from a word that only stands there."""
    small = {match[0].casefold() for match in _LOWER.finditer(text)}
    proper: set[str] = set()
    for start, end in split_sentences(text):
        for match in _NAME.finditer(text, start, end):
            if not _opens(text, start, match.start()):
                proper.update(word.casefold() for word in match[0].split())
    return Usage(frozenset(small), frozenset(proper - small))


def find_mentions(text: str, usage: Usage) -> list[Mention]:
    """The names in a text, in order; no two overlap."""
    found: list[Mention] = []
    for sentence, limit in split_sentences(text):
        for start, end in _joined(text, [match.span() for match in _NAME.finditer(text, sentence, limit)]):
            if _HEADING.fullmatch(text, *_line(text, start)):
                continue
            span = _trimmed(text, start, end, usage if _opens(text, sentence, start) else None)
            mention = span and _mention(text, *span)
            if mention:
                found.append(mention)
    return found


def _opens(text: str, sentence: int, start: int) -> bool:
    """Whether only marks of layout stand before it in its sentence, line or column, or a colon."""
    if _MARK.fullmatch(text, sentence, start) or text[max(0, start - 2) : start] in {"  ", "| ", ": "}:
        return True
    line = text.rfind("\n", max(sentence, start - _WIDEST_MARK), start) + 1
    return line > 0 and _MARK.fullmatch(text, line, start) is not None and not _is_full_line(text, line - 1)


def _line(text: str, position: int) -> tuple[int, int]:
    end = text.find("\n", position)
    return text.rfind("\n", 0, position) + 1, len(text) if end < 0 else end


def _joined(text: str, spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Names that the end of a full line cuts in two, in one."""
    pending: tuple[int, int] | None = None
    for start, end in spans:
        if pending and text[pending[1] : start] == "\n" and _is_full_line(text, pending[1]):
            pending = pending[0], end
            continue
        if pending:
            yield pending
        pending = start, end
    if pending:
        yield pending


def _is_full_line(text: str, end: int) -> bool:
    """Whether the line that ends there is as long as one that goes on in the next."""
    return end >= _WRAPPED and "\n" not in text[end - _WRAPPED : end]


def _trimmed(text: str, start: int, end: int, opening: Usage | None) -> tuple[int, int] | None:
    """Without what opens a sentence only, stop words, and dates; None if nothing is left.

    `opening` is given for what opens a sentence.
    """
    pieces = [match.span() for match in _PIECE.finditer(text, start, end)]

    def word(index: int) -> str:
        return text[slice(*pieces[index])].casefold()

    if opening and pieces:
        alone = len(pieces) == 1 or _LINKED.fullmatch(text, *pieces[1]) is not None
        if word(0) in STOP_WORDS or (alone and _is_common(word(0), opening)):
            del pieces[0]
    while pieces and (word(0) in STOP_WORDS or not text[pieces[0][0]].isupper()):
        del pieces[0]
    dated = next((i for i in range(len(pieces)) if word(i) in CALENDAR or word(i) in UNITS), None)
    pieces = pieces if dated is None else pieces[:dated]
    while pieces and not (text[pieces[-1][0]].isupper() or text[pieces[-1][0]].isdigit()):
        del pieces[-1]
    if not pieces:
        return None
    first, last = pieces[0][0], pieces[-1][1]
    return first, last - _POSSESSIVE_SIGNS * bool(_POSSESSIVE.search(text, first, last))


def _is_common(word: str, usage: Usage) -> bool:
    return word in usage.small or word not in usage.proper


def _mention(text: str, start: int, end: int) -> Mention | None:
    name = text[start:end]
    key = normalise(name)
    if not _SHORTEST <= len(key) <= _LONGEST or key in STOP_WORDS:
        return None
    return Mention(key, _kind(name, key.split()), start, end)


def _kind(name: str, words: list[str]) -> str:
    if words[-1] in ORGANISATIONS:
        return "organisation"
    if words[-1] in PLACES:
        return "place"
    if (len(words) > 1 and words[0] in TITLES) or _INITIALS.match(name):
        return "person"
    if len(words) == 1 and any(sign.isdigit() for sign in name):
        return "code"
    return ""
