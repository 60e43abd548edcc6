"""Cutting a stretch of text into spans: trimmed of white space, in order, losing nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from ragent.chunking.sentences import split_sentences
from ragent.chunking.weights import Weights

Span = tuple[int, int]
"""Start and end, in characters of the document's text."""

_PARAGRAPH_END = re.compile(r"\n[ \t\r\f\v]*+\n")


def trimmed(text: str, start: int, end: int) -> Span | None:
    """The span without white space around it; None if there is nothing else."""
    part = text[start:end]
    first = start + len(part) - len(part.lstrip())
    last = start + len(part.rstrip())
    return (first, last) if last > first else None


def by_paragraphs(text: str, start: int, end: int) -> Iterator[Span]:
    """What blank lines part."""
    cuts = [start, *(match.end() for match in _PARAGRAPH_END.finditer(text, start, end)), end]
    for first, last in pairwise(cuts):
        if span := trimmed(text, first, last):
            yield span


def by_lines(text: str, start: int, end: int) -> Iterator[Span]:
    """The lines that aren't blank."""
    for line in text[start:end].split("\n"):
        if span := trimmed(text, start, start + len(line)):
            yield span
        start += len(line) + 1


def by_sentences(text: str, start: int, end: int) -> Iterator[Span]:
    """Its sentences, as `split_sentences` finds them."""
    for first, last in split_sentences(text[start:end]):
        yield start + first, start + last


def by_words(text: str, start: int, end: int, weights: Weights, limit: int) -> Iterator[Span]:
    """Even parts cut at white space; inside a word only where it alone is too heavy."""
    parts = -(-weights.between(start, end) // limit)
    size = -(-weights.between(start, end) // max(parts, 1))
    return windows(text, start, end, weights, max(size, 1))


def windows(text: str, start: int, end: int, weights: Weights, size: int) -> Iterator[Span]:
    """Parts of `size` tokens or the last word less; the last one is what remains."""
    while start < end:
        stop = weights.reach(start, size)
        if stop is None or stop >= end:
            stop = end
        else:
            stop = max(stop, start + 1)  # several tokens may begin at one character
            space = _last_space(text, start, stop)
            stop = space if space > start else stop
        if span := trimmed(text, start, stop):
            yield span
        start = stop


def merged(spans: Iterable[Span], weights: Weights, size: int) -> Iterator[Span]:
    """Neighbours put together, from the first on, as long as they weigh no more than `size`."""
    held: Span | None = None
    for start, end in spans:
        if held and weights.between(held[0], end) <= size:
            held = (held[0], end)
            continue
        if held:
            yield held
        held = (start, end)
    if held:
        yield held


def _last_space(text: str, start: int, end: int) -> int:
    """Where white space before `end` begins, or `start` if there is none."""
    if text[end : end + 1].isspace() or text[end - 1].isspace():
        return end
    cut = end
    while cut > start and not text[cut - 1].isspace():
        cut -= 1
    return cut
