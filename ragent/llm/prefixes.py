"""What a context has read and keeps, so that a prompt that begins alike need not be read again.

The sequences form a tree: those that begin alike share the cells of that beginning. Only beginnings are
shared, so every token keeps its position.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from ragent.llm.native import Context


@dataclass(slots=True, eq=False)
class Held:
    """One sequence of a context.

    Attributes:
        sequence: its number.
        tokens: what was read, in order.
        cells: where the keys and values of each token are; equal numbers are one and the same cell.
        room: the most tokens it may come to have, while a request uses it; 0: it is only kept.
        last_used: when, by a clock that counts uses.
    """

    sequence: int
    tokens: list[int] = field(default_factory=list)
    cells: list[int] = field(default_factory=list)
    room: int = 0
    last_used: int = 0


class Prefixes:
    """Hands out the sequences of one context, with as much of a prompt in them as is kept anywhere."""

    def __init__(self, context: Context, cells: int, sequences: int, *, can_be_cut: bool) -> None:
        """`cells` and `sequences` are the context's; `can_be_cut` is its model's."""
        self._context = context
        self._cells = cells
        self._free = list(range(sequences))
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
        # A sequence of which everything is wanted is taken over; of another, the rest may be wanted again.
        taken = best if best and not best.room and shared == len(best.tokens) else None
        if not taken and not self._make_room(room - shared, best, 1) and best and not best.room:
            taken = best
        if taken:
            shared = self._cut(taken, shared)
            self._make_room(room - shared, taken, 0)
        held = taken or self._branch(best, shared)
        held.room, held.last_used = room, next(self._clock)
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
