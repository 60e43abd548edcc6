"""Prompt lookup: what an output repeats, it most likely goes on repeating.

Source: prompt lookup decoding (Saxena 2023, https://github.com/apoorvumang/prompt-lookup-decoding); here with
a suffix automaton (Blumer et al. 1985), so that the longest match is found, of whatever length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Draft:
    """A guess at what comes next.

    Attributes:
        tokens: perhaps none.
        sure: how sure the first one is, on the drafter's own scale from 0 on; the others are one surer each.
    """

    tokens: list[int]
    sure: int = 0


class PromptLookup:
    """Finds where the end of one sequence, prompt and output, stood in it before.

    Each token is learnt once, in constant time on average; it takes about 500 bytes.
    """

    def __init__(self) -> None:
        self._tokens: list[int] = []
        # A state is the set of stretches that ended at the same places: the longest one's length, where it
        # ended first, the state of its longest end that also stood elsewhere, and where a token leads.
        self._length = [0]
        self._end = [0]
        self._shorter = [-1]
        self._next: list[dict[int, int]] = [{}]
        self._last = 0

    def propose(self, tokens: Sequence[int], most: int) -> Draft:
        """What followed the longest end of `tokens` that stood in it before, where it first did.

        `tokens` begin with those of the call before. `sure` is the match's length.
        """
        for token in tokens[len(self._tokens) :]:
            self._learn(token)
        match = self._shorter[self._last]
        if match <= 0:
            return Draft([])
        start = self._end[match]
        return Draft(self._tokens[start : start + most], self._length[match])

    def _learn(self, token: int) -> None:
        self._tokens.append(token)
        at, new = self._last, self._state(self._length[self._last] + 1, len(self._tokens), 0, {})
        while at >= 0 and token not in self._next[at]:
            self._next[at][token] = new
            at = self._shorter[at]
        if at >= 0:
            self._shorter[new] = self._reached(at, token)
        self._last = new

    def _reached(self, at: int, token: int) -> int:
        """The state of the stretch of `at` and the token alone, parted from longer ones if need be."""
        old = self._next[at][token]
        if self._length[old] == self._length[at] + 1:
            return old
        parted = self._state(self._length[at] + 1, self._end[old], self._shorter[old], dict(self._next[old]))
        self._shorter[old] = parted
        while at >= 0 and self._next[at].get(token) == old:
            self._next[at][token] = parted
            at = self._shorter[at]
        return parted

    def _state(self, length: int, end: int, shorter: int, following: dict[int, int]) -> int:
        self._length.append(length)
        self._end.append(end)
        self._shorter.append(shorter)
        self._next.append(following)
        return len(self._next) - 1
