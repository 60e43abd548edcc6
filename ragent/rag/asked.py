"""What kind of thing a question asks for: a person, a date, a number, a place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["who", "when", "where", "many", "year", "which", "what", "why", "how", "other"]

_ASKS = re.compile(r"\b(who|whom|whose|when|where|why|how|what|which)\b(?:\s+(\w+))?", re.IGNORECASE)
_BY_WORD: dict[str, Kind] = {
    "who": "who",
    "whom": "who",
    "whose": "who",
    "when": "when",
    "where": "where",
    "why": "why",
    "which": "which",
    "what": "what",
}
_BY_NEXT: dict[Kind, frozenset[str]] = {
    "year": frozenset(("year", "years", "date", "century", "decade", "month", "day", "time")),
    "many": frozenset(("percentage", "percent", "number", "amount", "proportion")),
    "where": frozenset(("country", "countries", "city", "cities", "place", "region", "location", "state")),
    "who": frozenset(("person", "people", "king", "leader", "general", "man", "woman", "author")),
}
_MEASURED = frozenset(("many", "much", "long", "far", "old", "large", "high", "often", "big", "tall", "fast"))


@dataclass(frozen=True, slots=True)
class Asked:
    """The kind of answer that a question wants, and where the question says so.

    Attributes:
        kind: "year" is "in what year", "many" is any number; "other" has no word that asks.
        word: the span of the word that asks ("which"); None for "other".
        matter: the span of the word after it ("country"); None where there is none.
    """

    kind: Kind
    word: tuple[int, int] | None = None
    matter: tuple[int, int] | None = None


def asked(question: str) -> Asked:
    """What a question asks for, by its first word that asks."""
    match = _ASKS.search(question)
    if not match:
        return Asked("other")
    word, following = match[1].lower(), (match[2] or "").lower()
    matter = match.span(2) if word in {"what", "which", "how"} and following else None
    return Asked(_kind(word, following), match.span(1), matter)


def _kind(word: str, following: str) -> Kind:
    if word == "how":
        return "many" if following in _MEASURED else "how"
    if word in {"what", "which"}:
        return next((kind for kind, words in _BY_NEXT.items() if following in words), _BY_WORD[word])
    return _BY_WORD[word]
