"""Where tokens stand in a text, of which a server tells only how they look."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

Spans = list[tuple[int, int]]

_LOOK_AHEAD = 16
# How tokenizers mark that a piece begins a word, or that it doesn't.
_MARKS = "▁ĠĊ"


def align(text: str, pieces: Sequence[str]) -> Spans:
    """A span for each piece, in order, found by its letters, whatever their case and accents.

    A piece that isn't found, since the tokenizer writes it in its own way, gets an empty span where the one
    before it ended: there are as many spans as tokens in any case.
    """
    letters, places = _letters(text)
    spans: Spans = []
    at = 0
    for piece in pieces:
        looked_for, _ = _letters(_plain(piece))
        size = len(looked_for)
        first = letters.find(looked_for, at, at + size + _LOOK_AHEAD) if size else -1
        if first < 0:
            end = spans[-1][1] if spans else 0
            spans.append((end, end))
            continue
        at = first + size
        spans.append((places[first], places[at - 1] + 1))
    return spans


def in_characters(text: str, spans: Spans) -> Spans:
    """Spans that may count bytes of UTF-8 instead of characters, as spans of characters.

    They count bytes where one of them reaches beyond the text's characters, or the text has no others.
    """
    size = len(text.encode("utf-8", "replace"))
    if size == len(text) or max((end for _, end in spans), default=0) <= len(text):
        return spans
    starts: list[int] = []
    for place, character in enumerate(text):
        starts += [place] * len(character.encode("utf-8", "replace"))
    starts.append(len(text))
    return [(starts[min(first, size)], starts[min(last, size)]) for first, last in spans]


def _plain(piece: str) -> str:
    piece = piece.lstrip(_MARKS)
    return piece[2:] if piece.startswith("##") and len(piece) > 2 else piece


def _letters(text: str) -> tuple[str, list[int]]:
    """A text without blanks, case and accents, and where each of its characters stood."""
    letters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        for part in unicodedata.normalize("NFKD", character.lower()):
            if not part.isspace() and not unicodedata.combining(part):
                letters.append(part)
                places.append(place)
    return "".join(letters), places
