"""How many tokens lie between two characters, without tokenizing every candidate."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np

_LONG_TOKEN = 40
_CHARS_PER_TOKEN = 4


class Weights:
    """Tokens between two characters, from one tokenization of the whole text.

    A token that is followed by no other for more than 40 characters counts as one for every four of them:
    WordPiece reads a long run such as base64 as a single unknown token, which must not let a passage grow
    without bound.
    """

    def __init__(self, offsets: Sequence[tuple[int, int]], length: int) -> None:
        starts = np.maximum.accumulate(np.fromiter((start for start, _ in offsets), np.int64, len(offsets)))
        spans = np.diff(starts, append=length)
        parts = np.where(spans > _LONG_TOKEN, spans // _CHARS_PER_TOKEN, 1)
        first = np.repeat(np.cumsum(parts) - parts, parts)
        within = np.arange(len(first)) - first
        self._starts: list[int] = (np.repeat(starts, parts) + _CHARS_PER_TOKEN * within).tolist()

    def before(self, position: int) -> int:
        """Weight of the tokens that begin before a character."""
        return bisect_left(self._starts, position)

    def between(self, start: int, end: int) -> int:
        """Weight of the tokens that begin in `[start, end)`."""
        return self.before(end) - self.before(start)

    def reach(self, start: int, limit: int) -> int | None:
        """The character at which a piece from `start` grows over `limit`; None where it never does."""
        index = self.before(start) + limit
        return self._starts[index] if index < len(self._starts) else None

    def back(self, end: int, limit: int) -> int:
        """The first character from which a piece up to `end` is no heavier than `limit`."""
        index = self.before(end) - limit
        if index <= 0:
            return 0
        start = self._starts[index]
        # Several tokens may begin at one character; those before `index` would count too.
        return start if self.before(start) == index else start + 1
