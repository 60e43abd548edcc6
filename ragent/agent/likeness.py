"""Puts first the tools that a request is most likely about: small models tend to take the first they read."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from ragent.types import Tool

_WORD = re.compile(r"[^\W_]{4,}")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_STEM = 5
"""Words that begin with the same letters, so many of them, count as the same in any language."""


def likest_first(request: str, tools: Sequence[Tool]) -> list[Tool]:
    """The tools by how many words of their names and descriptions are in the request, else as they were.

    A word counts the less, the more of the tools have it, and in a long description less than in a short one.
    """
    wanted = _stems(request)
    told = [_stems(f"{tool.name} {tool.description}") for tool in tools]
    frequency = Counter(stem for stems in told for stem in stems)

    def likeness(place: int) -> float:
        shared = sum(1 / frequency[stem] for stem in told[place] & wanted)
        return shared / math.sqrt(1 + len(told[place]))

    return [tools[place] for place in sorted(range(len(tools)), key=likeness, reverse=True)]


def _stems(text: str) -> frozenset[str]:
    return frozenset(word[:_STEM].lower() for word in _WORD.findall(_CAMEL.sub(" ", text)))
