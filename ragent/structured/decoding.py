"""A constraint at work on one sequence: the grammar's mask, bounds, a penalty on loops, a way out."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ragent.errors import SchemaError
from ragent.protocols import Logits
from ragent.structured.closing import way_out
from ragent.structured.llguidance_engine import Matcher
from ragent.structured.pieces import Mask, Pieces
from ragent.structured.tracking import Tracker

_RECENT = 64
_RESERVE = 8
_MANY_BLANKS = 8
_MANY_DIGITS = 20


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far an output may go where its schema doesn't say. What the schema asks for is never withheld.

    Attributes:
        string: Bytes of a string.
        share: Of the tokens that are left when a string begins, those that it may take.
        items: Items of an array.
        members: Members of an object.
        depth: Objects and arrays inside one another.
        digits: Characters of a number.
        blanks: Spaces and line ends in a row, within a string.
    """

    string: int = 2000
    share: float = 0.6
    items: int = 16
    members: int = 32
    depth: int = 8
    digits: int = 20
    blanks: int = 4


class SequenceDecoding:
    """One sequence under a constraint (see `ragent.protocols.Foreseeing`)."""

    def __init__(
        self,
        matcher: Matcher,
        pieces: Pieces,
        *,
        bounds: Bounds | None,
        penalty: float = 1.0,
        keys: Sequence[tuple[int, ...]] = (),
    ) -> None:
        """Start a sequence.

        Args:
            matcher: the start of the grammar.
            pieces: the vocabulary's classes.
            bounds: for JSON; None for other forms.
            penalty: a repetition penalty on tokens with letters in them: structure and digits must repeat.
            keys: the schema's required keys, as `way_out` takes them.
        """
        self._matcher = matcher
        self._pieces = pieces
        self._bounds = bounds
        self._penalty = penalty
        self._keys = keys
        self._tracker = Tracker()
        self._recent: deque[int] = deque(maxlen=_RECENT)
        self._blanks = 0  # tokens of nothing but whitespace, just now
        self._digits = 0  # likewise of digits
        self._string_until = 0  # tokens that must be left when the open string ends
        self._hurried = False
        self._exit: deque[int] | None = None
        self._look_at: float = float("inf")
        self._narrow = False  # nothing optional may begin any more
        self._need = self._part = 0  # tokens: of the way out, and of the dearest part

    @property
    def done(self) -> bool:
        """Whether the output is complete and nothing can follow."""
        return self._matcher.stopped

    @property
    def hurried(self) -> bool:
        """Whether anything had to end before the model would have ended it."""
        return self._hurried

    def restrict(self, logits: Logits, left: int) -> None:
        """Set what may not come next to minus infinity, in place. Raises SchemaError."""
        if self._exit is None:
            self._watch(left)
        if self._exit is not None:
            logits[:] = -np.inf
            logits[self._exit[0] if self._exit else self._pieces.end] = 0.0
            return
        allowed = self._bounded(self._matcher.allowed(), left)
        if not allowed.any():
            raise SchemaError("can't be satisfied: nothing that it allows can come next")
        logits[~allowed] = -np.inf
        self._penalize(logits)

    def advance(self, token: int) -> None:
        """Take the token that was sampled. Raises ValueError for one that isn't allowed."""
        self._matcher.consume(token)
        if self._exit:
            self._exit.popleft()
        self._tracker.feed(self._pieces.of(token))
        self._blanks = self._blanks + 1 if self._pieces.blank[token] else 0
        self._digits = self._digits + 1 if self._pieces.digits[token] else 0
        if self._pieces.wordy[token]:
            self._recent.append(token)

    def forced(self) -> list[int]:
        """The way out, once it is taken; else what the grammar's bytes leave no choice about."""
        return self._matcher.forced() if self._exit is None else list(self._exit)

    def fitting(self, tokens: Sequence[int]) -> int:
        """How many of these, from the first on, the grammar allows. Bounds may allow fewer."""
        return self._matcher.fitting(tokens)

    def _watch(self, left: int) -> None:
        """Look for the way out, the more often the nearer the limit is.

        While there is plenty, the model is free. When one more optional part might be one too many, none is
        begun any more; and in the end the way out is taken. What a part costs at most is taken to be what the
        whole value costs at least, or the most that was seen.
        """
        if left > self._look_at:
            return
        path = way_out(self._matcher, self._tracker, self._pieces, self._keys, left)
        if path is None:
            self._narrow = True
            self._look_at = left - max(1, left // 8)
            return
        need = len(path)
        self._part = max(self._part, need - self._need)
        self._need = need
        spare = left - need
        if spare <= min(_RESERVE, left // 4):
            self._exit = deque(path)
            self._hurried = True
        self._narrow = spare <= self._part + 2 * _RESERVE
        self._look_at = left - max(1, spare // 2 if self._narrow else (spare - self._part) // 4)

    def _penalize(self, logits: Logits) -> None:
        if self._penalty == 1.0 or not self._recent:
            return
        tokens = np.fromiter(set(self._recent), np.intp)
        scores = logits[tokens]
        logits[tokens] = np.where(scores > 0, scores / self._penalty, scores * self._penalty)

    def _bounded(self, allowed: Mask, left: int) -> Mask:
        if self._bounds and self._tracker.string >= 0:
            return self._bounded_string(allowed, self._bounds, left)
        if self._bounds:
            return self._bounded_json(allowed, self._bounds, left)
        if self._blanks >= _MANY_BLANKS:
            allowed = _unless_empty(allowed, ~self._pieces.blank)
        if self._digits >= _MANY_DIGITS:
            allowed = _unless_empty(allowed, ~self._pieces.digits)
        return allowed

    def _bounded_string(self, allowed: Mask, bounds: Bounds, left: int) -> Mask:
        tracker, pieces = self._tracker, self._pieces
        if self._full(bounds):
            allowed = _unless_empty(allowed, ~pieces.crosses)
        if tracker.escaped:
            return allowed
        if tracker.string >= bounds.string or left <= self._string_until:
            self._hurried = True
            return _unless_empty(allowed, pieces.quotes)
        return _unless_empty(allowed, ~pieces.blank) if tracker.blanks >= bounds.blanks else allowed

    def _bounded_json(self, allowed: Mask, bounds: Bounds, left: int) -> Mask:
        tracker, pieces = self._tracker, self._pieces
        self._string_until = int(left * (1 - bounds.share))
        if self._full(bounds):
            ends = pieces.closes_array if tracker.in_array else pieces.closes_object
            self._hurried = self._hurried or bool((allowed & ends).any())
            allowed = _unless_empty(_unless_empty(allowed, ~pieces.crosses), ends)
        if tracker.number >= bounds.digits:
            allowed = _unless_empty(allowed, ~pieces.digits)
        if self._narrow or len(tracker.stack) >= bounds.depth:
            allowed = _unless_empty(allowed, ~pieces.opens)
        return allowed

    def _full(self, bounds: Bounds) -> bool:
        """Whether what is open has as many items or members as it may."""
        tracker = self._tracker
        most = bounds.items if tracker.in_array else bounds.members
        return bool(tracker.stack) and (self._narrow or tracker.items >= most)


def _unless_empty(allowed: Mask, among: Mask) -> Mask:
    """Those of `allowed` that are in `among`, where there are any: a bound never contradicts the grammar."""
    narrowed = allowed & among
    return narrowed if narrowed.any() else allowed
