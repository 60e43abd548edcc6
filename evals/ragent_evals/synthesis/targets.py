"""What in a sentence may be an answer: amounts, dates, times, measures, counts and names."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from ragent.words.stopwords import STOP_WORDS
from ragent_evals.synthesis.sentences import Sentence

Kind = Literal["money", "share", "date", "year", "time", "measure", "count", "name"]

_MONTHS = "|".join(calendar.month_name[1:])
_WORDS = "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fourteen|fifteen|twenty|thirty|forty"
_NUMBER = r"\d+(?:[.,]\d+)*"
_UNITS = (
    r"(?:cubic |square )?(?:metres?|meters?|kilometres?|kilometers?|miles?|tonnes?|tons?|kilograms?|grams?|"
    r"litres?|liters?|seconds?|minutes?|hours?|days?|weeks?|months?|years?|degrees?|knots?|feet|inches|"
    r"m/s|m/min|km/h|mg/l|kN|kW|km|cm|mm|kg|dB|ml|m|t|l)\b(?![/'’])"
    r"(?: a (?:second|minute|day|year|square metre))?"
)
_PATTERNS: tuple[tuple[Kind, str], ...] = (
    ("money", rf"(?:EUR|USD|GBP|CHF|[$£€]) ?{_NUMBER}(?: (?:million|billion))?"),
    ("share", rf"{_NUMBER} ?(?:%|per cent|percent)"),
    ("date", rf"\b\d{{1,2}} (?:{_MONTHS})(?: \d{{4}})?|\b(?:{_MONTHS}) (?:\d{{1,2}}, )?\d{{4}}"),
    ("year", r"(?<![\d.,/-])(?:1[5-9]\d\d|20\d\d)(?![\d.,]\d|[/-]| [a-z]*(?:metres|tonnes|square|cubic))"),
    ("time", r"\b\d{1,2}:\d\d\b"),
    ("measure", rf"(?<![\d.,:/-])\b(?:{_NUMBER}|{_WORDS}) {_UNITS}"),
    (
        "count",
        rf"(?<![\d.,:/-])\b(?:{_NUMBER}|(?i:{_WORDS})) [a-z]{{3,}}\b",
    ),
    (
        "name",
        r"\b[A-Z][\w'’-]*(?: (?:of |the |of the )?(?!No\.)[A-Z][\w'’-]+)+(?: No\. \d+)?"
        r"|\b(?!(?:On|In|At|By|From|Until|Since|To|And|Of|For|About|Over|Only|The|After|Before)\b)"
        r"[A-Z][a-z]+ (?:No\. )?\d{1,3}\b(?![\d,:.]\d| [a-z])",
    ),
)
_PATTERN = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _PATTERNS))
_NO_NOUN = STOP_WORDS | frozenset(
    ("metres", "tonnes", "hours", "days", "times", "others", "more", "less", "years", "working")
)
_NOT_COUNTED = re.compile(rf" (?:{'|'.join(sorted(_NO_NOUN))}|\w+ing|\w+ed)$")
"""What can't be counted: function words, adjectives and participles."""

_OPENERS = frozenset(
    (
        "each",
        "every",
        "both",
        "about",
        "since",
        "within",
        "until",
        "tell",
        "ask",
        "between",
        "who",
        "which",
        "what",
        "how",
    )
)
_RANGE = re.compile(r"(?:between|from|per) $|\d$|[-–/]$|\d (?:and|to|or) $")
_LISTED = re.compile(r",? (?:and|or|to)? ?(?:the )?|, ")
_MONTH_OR_DAY = re.compile(rf"(?:{_MONTHS}|Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)(?:day)?s?\b")


@dataclass(frozen=True, slots=True)
class Target:
    """Words of a sentence that may be an answer: `sentence.text[start:end]`."""

    sentence: Sentence
    kind: Kind
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.sentence.text[self.start : self.end]


def targets_of(sentence: Sentence) -> Iterator[Target]:
    """Those of a sentence, in order. They don't overlap, and none is one of a list: it alone is no answer."""
    found = [Target(sentence, *place) for place in found_in(sentence.text)]
    joined = {
        target
        for pair in pairwise(found)
        if pair[0].kind == pair[1].kind and _LISTED.fullmatch(sentence.text[pair[0].end : pair[1].start])
        for target in pair
    }
    yield from (target for target in found if target not in joined)


def names_in(text: str) -> tuple[str, ...]:
    """The names in a text, in order."""
    return tuple(text[start:end] for kind, start, end in found_in(text) if kind == "name")


def found_in(text: str) -> Iterator[tuple[Kind, int, int]]:
    """Kind, start and end of all in a text that looks like an answer."""
    for match in _PATTERN.finditer(text):
        kind: Kind = match.lastgroup  # type: ignore[assignment]
        start, end = match.span()
        if kind == "name":
            start = _without_first(text, start, end)
            words = text[start:end].split()
            if len(words) < 2 or _MONTH_OR_DAY.search(text[start:end]) or not words[0][0].isupper():
                continue
        if kind == "count" and _NOT_COUNTED.search(text[start:end]):
            continue
        if not _RANGE.search(text[:start]):
            yield kind, start, end


def _without_first(text: str, start: int, end: int) -> int:
    """Where a name begins when a sentence's first word, which has a capital anyway, is no part of it."""
    first = text[start:end].split()[0]
    if first.lower() in STOP_WORDS | _OPENERS:
        return start + len(first) + 1
    return start
