"""What a context has read and keeps, so that a prompt that begins alike need not be read again.

The sequences form a tree: those that begin alike share the cells of that beginning. Only beginnings are
shared, so every token keeps its position.

Attention adds up in the order of cells, so its last digits are those of a prompt read anew only as long as a
sequence's cells are in the order of its tokens. llama.cpp fills the lowest cells that are free. Where things
must be exact, no cell is therefore freed before all are: what is thrown away goes to a sequence that nobody
reads, until no cell is left and no request in progress; then the context is emptied.
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
# llama.cpp computes a single row in another way than several, with other last digits.
_LEAST_READ = 2


@dataclass(slots=True, eq=False)
class Held:
    """One sequence of a context.

    Attributes:
        sequence: its number.
        tokens: what was read, in order.
        cells: where the keys and values of each token are; equal numbers are one and the same cell.
        room: the most tokens it may come to have, while a request uses it; 0: it is only kept.
        lasting: how many of the tokens are kept when the request ends.
        last_used: when, by a clock that counts uses.
        era: where it may be saved, if anywhere.
        is_saved: whether that was done, or found not worth it.
    """

    sequence: int
    tokens: list[int] = field(default_factory=list)
    cells: list[int] = field(default_factory=list)
    room: int = 0
    lasting: int = 0
    last_used: int = 0
    era: Path | None = None
    is_saved: bool = False


class Prefixes:
    """Hands out the sequences of one context, with as much of a prompt in them as is kept anywhere."""

    def __init__(self, context: Context, shape: Shape, states: States | None, *, can_be_cut: bool) -> None:
        """`shape` is the context's; `can_be_cut` is its model's; `states`: where to keep more, or None."""
        self._exact = shape.exact and can_be_cut
        self._context = context
        self._cells = shape.cells
        # With the last one for what was thrown away.
        self._free = list(range(shape.sequences - 1 if self._exact else shape.sequences))
        self._grave = shape.sequences - 1
        self._dead: set[int] = set()
        self._states = states
        self._can_be_cut = can_be_cut
        self._held: list[Held] = []
        self._clock = count(1)
        self._cell = count()

    def acquire(self, prompt: Sequence[int], room: int) -> Held | None:
        """A sequence that holds the longest kept beginning of the prompt, but never all of it.

        The prompt's last tokens are left out, since what follows them must be computed. What was used the
        longest ago is thrown away if cells are short.

        Args:
            prompt: what will be read.
            room: the most tokens, prompt and output, that the sequence will come to have.

        Returns:
            None while requests in progress need too much: try again when one of them has ended.
        """
        best, shared = self._best(prompt)
        busy = [one for one in self._held if one.room]
        kept = best.cells[:shared] if best else []
        if self._count(self._held if self._exact else busy, kept) + room - shared > self._cells:
            if busy or not self._exact:
                return None
            self._empty()
            best, shared = None, 0
        best, shared = self._restore(prompt, best, shared, room)
        # A sequence of which everything is wanted is taken over; of another, the rest may be wanted again.
        taken = best if best and not best.room and shared == len(best.tokens) else None
        if not taken and not self._make_room(room - shared, best, 1) and best and not best.room:
            taken = best
        if taken:
            shared = self._cut(taken, shared)
            self._make_room(room - shared, taken, 0)
        held = taken or self._branch(best, shared)
        held.room, held.last_used = room, next(self._clock)
        held.lasting = len(prompt) if self._exact else room
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
        """Keep a sequence for those that will begin like it; of an output only where that needn't be exact.

        What was written token by token differs in its last digits from what is read in a prompt.
        """
        held.room, held.last_used = 0, next(self._clock)
        if self._exact:
            self._cut(held, held.lasting)
        for other in [one for one in self._held if one is not held and not one.room]:
            if _shared(other.tokens, held.tokens) == len(other.tokens):
                self.drop(other)

    def drop(self, held: Held) -> None:
        """Throw a sequence away."""
        self._cut(held, 0)
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
            shared = _shared(one.tokens, prompt[:-_LEAST_READ])
            if shared > found[1] and (self._can_be_cut or shared == len(one.tokens)):
                found = one, shared
        return found

    def _restore(
        self, prompt: Sequence[int], best: Held | None, shared: int, room: int
    ) -> tuple[Held | None, int]:
        """What is on disk, if it has much more of the prompt than what is held, and there is room."""
        path, on_disk = self._states.find(prompt[:-_LEAST_READ]) if self._states else (None, 0)
        if not self._states or not path or on_disk < shared + _WORTH_LOADING:
            return best, shared
        tokens, state = self._states.load(path) or ([], None)
        if state is None or not (self._can_be_cut or on_disk == len(tokens)):
            return best, shared
        # Nothing that is thrown away makes room where things must be exact.
        if self._exact and self._count(self._held, []) + len(tokens) + room - on_disk > self._cells:
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
        if self._exact:
            beyond = self._context.length(held.sequence) - len(held.tokens)
            self._dead.update(held.cells[length:], (next(self._cell) for _ in range(beyond)))
            self._context.copy(held.sequence, self._grave, -1, length)
        if not self._context.cut(held.sequence, length):
            length = 0
        del held.tokens[length:], held.cells[length:]
        return length

    def _empty(self) -> None:
        """Throw all away, and free the cells. There must be no request in progress."""
        for held in list(self._held):
            self._save(held)
            self.drop(held)
        self._context.cut(self._grave, 0)
        self._dead.clear()

    def _make_room(self, cells: int, keep: Held | None, sequences: int) -> bool:
        """Throw away kept sequences, but for `keep`, until there is room. Whether there is."""
        kept = [one for one in self._held if not one.room and one is not keep]
        kept.sort(key=lambda one: one.last_used, reverse=True)
        while len(self._free) < sequences or self._count(self._held, []) + cells > self._cells:
            if not kept or (self._exact and len(self._free) >= sequences):
                return False
            self._save(kept[-1])
            self.drop(kept.pop())
        return True

    def _count(self, sequences: Sequence[Held], cells: Sequence[int]) -> int:
        """Cells that these sequences have, and will come to have; those that `cells` are; and the dead."""
        promised = sum(one.room - len(one.tokens) for one in sequences if one.room)
        return promised + len(self._dead.union(cells, *(one.cells for one in sequences)))


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences have in common from the start."""
    shared = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        shared += 1
    return shared
