"""What a context has read and keeps, so that a prompt that begins alike need not be read again.

The sequences form a tree: those that begin alike share the cells of that beginning. Only beginnings are
shared, so every token keeps its position.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ragent.llm.native import Context, Shape
from ragent.llm.states import States

_WORTH_LOADING = 64


@dataclass(slots=True, eq=False)
class Held:
    """One sequence of a context.

    Attributes:
        sequence: its number.
        tokens: what was read, in order.
        cells: where the keys and values of each token are; equal numbers are one and the same cell.
        room: the most tokens it may come to have, while a request uses it; 0: it is only kept.
        last_used: when, by a clock that counts uses.
        era: where it may be saved, if anywhere.
        is_saved: whether that was done, or found not worth it.
    """

    sequence: int
    tokens: list[int] = field(default_factory=list)
    cells: list[int] = field(default_factory=list)
    room: int = 0
    last_used: int = 0
    era: Path | None = None
    is_saved: bool = False


class Prefixes:
    """Hands out the sequences of one context, with as much of a prompt in them as is kept anywhere."""

    def __init__(self, context: Context, shape: Shape, states: States | None, *, can_be_cut: bool) -> None:
        """`shape` is the context's; `can_be_cut` is its model's; `states`: where to keep more, or None."""
        self._context = context
        self._cells = shape.cells
        self._free = list(range(shape.sequences))
        self._states = states
        self._can_be_cut = can_be_cut
        self._held: list[Held] = []
        self._clock = count(1)
        self._cell = count()

    def acquire(self, prompt: Sequence[int], room: int) -> Held | None:
        """A sequence that holds the longest kept beginning of the prompt, but never all of it.

        The prompt's last token is left out, since what follows it must be computed. What was used the longest
        ago is thrown away if cells are short.

        Args:
            prompt: what will be read.
            room: the most tokens, prompt and output, that the sequence will come to have.

        Returns:
            None while requests in progress need too much: try again when one of them has ended.
        """
        best, shared = self._best(prompt)
        busy = [one for one in self._held if one.room]
        kept = best.cells[:shared] if best else []
        if self._count(busy, kept) + self._promised(busy) + room - shared > self._cells:
            return None
        best, shared = self._restore(prompt, best, shared)
        # A sequence of which everything is wanted is taken over; of another, the rest may be wanted again.
        taken = best if best and not best.room and shared == len(best.tokens) else None
        if not taken and not self._make_room(room - shared, best, 1) and best and not best.room:
            taken = best
        if taken:
            shared = self._cut(taken, shared)
            self._make_room(room - shared, taken, 0)
        held = taken or self._branch(best, shared)
        held.room, held.last_used = room, next(self._clock)
        held.era, held.is_saved = self._states.era() if self._states else None, False
        return held

    def known(self, prompt: Sequence[int]) -> int:
        """How much of the prompt's beginning is kept, in memory or on disk."""
        on_disk = self._states.find(prompt)[1] if self._states else 0
        return max(self._best(prompt)[1], on_disk)

    def adopt(self, tokens: Sequence[int], state: NDArray[np.uint8]) -> Held | None:
        """Keep tokens whose state comes from elsewhere. None if there is no room, or it can't be used."""
        if not self._make_room(len(tokens), None, 1):
            return None
        held = Held(self._free.pop(), last_used=next(self._clock))
        if not self._context.restore(held.sequence, state):
            self._free.append(held.sequence)
            return None
        self._held.append(held)
        self.add(held, tokens)
        held.is_saved = True
        return held

    def add(self, held: Held, tokens: Sequence[int]) -> None:
        """Note that the context has read these tokens at the sequence's end."""
        held.tokens += tokens
        held.cells += [next(self._cell) for _ in tokens]

    def release(self, held: Held) -> None:
        """Keep a sequence for those that will begin like it."""
        held.room, held.last_used = 0, next(self._clock)
        for other in [one for one in self._held if one is not held and not one.room]:
            if _shared(other.tokens, held.tokens) == len(other.tokens):
                self.drop(other)

    def drop(self, held: Held) -> None:
        """Throw a sequence away."""
        self._context.cut(held.sequence, 0)
        self._held.remove(held)
        self._free.append(held.sequence)

    def save_one(self) -> bool:
        """Write down a sequence that isn't on disk, if one is worth it. False if there is none."""
        return any(self._save(one) for one in self._held if not one.room)

    def rewind(self, held: Held) -> bool:
        """Take back what the context may have read beyond the sequence's tokens, in a batch that failed.

        False if it can't be, and the sequence is empty now.
        """
        length = len(held.tokens)
        return self._cut(held, length) == length

    def _best(self, prompt: Sequence[int]) -> tuple[Held | None, int]:
        found: tuple[Held | None, int] = (None, 0)
        for one in self._held:
            shared = _shared(one.tokens, prompt[:-1])
            if shared > found[1] and (self._can_be_cut or shared == len(one.tokens)):
                found = one, shared
        return found

    def _restore(self, prompt: Sequence[int], best: Held | None, shared: int) -> tuple[Held | None, int]:
        """What is on disk, if it has much more of the prompt than what is held, and there is room."""
        path, on_disk = self._states.find(prompt[:-1]) if self._states else (None, 0)
        if not self._states or not path or on_disk < shared + _WORTH_LOADING:
            return best, shared
        tokens, state = self._states.load(path) or ([], None)
        if state is None or not (self._can_be_cut or on_disk == len(tokens)):
            return best, shared
        held = self.adopt(tokens, state)
        return (held, on_disk) if held else self._best(prompt)

    def _save(self, held: Held) -> bool:
        if held.is_saved or not self._states or not held.era:
            return False
        held.is_saved = True
        if not self._states.is_worth(held.tokens):
            return False
        self._states.save(held.era, held.tokens, self._context.state(held.sequence))
        return True

    def _branch(self, source: Held | None, shared: int) -> Held:
        held = Held(self._free.pop())
        if source:
            self._context.copy(source.sequence, held.sequence, shared)
            held.tokens, held.cells = source.tokens[:shared], source.cells[:shared]
        self._held.append(held)
        return held

    def _cut(self, held: Held, length: int) -> int:
        if not self._context.cut(held.sequence, length):
            length = 0
        del held.tokens[length:], held.cells[length:]
        return length

    def _make_room(self, cells: int, keep: Held | None, sequences: int) -> bool:
        """Throw away kept sequences, but for `keep`, until there is room. Whether there is."""
        busy = [one for one in self._held if one.room]
        kept = [one for one in self._held if not one.room and one is not keep]
        kept.sort(key=lambda one: one.last_used, reverse=True)
        while (
            self._count(self._held, []) + self._promised(busy) + cells > self._cells
            or len(self._free) < sequences
        ):
            if not kept:
                return False
            self._save(kept[-1])
            self.drop(kept.pop())
        return True

    @staticmethod
    def _count(sequences: Sequence[Held], cells: Sequence[int]) -> int:
        return len(set(cells).union(*(one.cells for one in sequences)))

    @staticmethod
    def _promised(busy: Sequence[Held]) -> int:
        return sum(one.room - len(one.tokens) for one in busy)


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences have in common from the start."""
    shared = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        shared += 1
    return shared
