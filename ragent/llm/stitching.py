"""Retrieved passages whose keys and values are put together for a prompt instead of being computed in it.

Each passage is read once on its own, behind what a prompt says before its first passage. In a later prompt,
in whatever order, its keys are turned to their new places (their rotation is all that depends on the place)
and only what stands between passages is computed. Passages then know nothing of each other, so answers may
differ from those of a prompt that was read as a whole; they don't depend on what was asked before.

Sources: Gim et al. 2023, Prompt Cache (arXiv:2311.04934); Yao et al. 2024, CacheBlend (arXiv:2405.16444),
from which comes that a few tokens of each passage are computed in the prompt after all.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ragent.errors import LLMError
from ragent.llm.fitting import Fitted
from ragent.llm.gguf import Header
from ragent.llm.native import Context, Model, Row, Shape
from ragent.llm.prefixes import Prefixes
from ragent.llm.states import States

_READ_AGAIN = 8
_WORTH = 32
_MOST_PASSAGES = 32
_TOKENS_A_STEP = 64
_CELLS = 4096
# Sequences of the stitcher's context; each passage that is put together has one behind them.
_OPENING, _WHOLE, _FIRST = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Span:
    """The tokens of a prompt from `start` to before `end`, which are those of a passage."""

    start: int
    end: int


def passage_spans(pieces: Sequence[bytes], passages: Sequence[str]) -> list[Span]:
    """Where passages stand in a prompt, in its order; those that aren't found in it are left out.

    Args:
        pieces: the bytes of each token of the prompt.
        passages: their text.
    """
    data = b"".join(pieces)
    ends = np.array(list(accumulate(map(len, pieces))), np.int64)
    starts = np.concatenate([[0], ends])[:-1]
    spans: list[Span] = []
    found = {(data.find(text), -len(text)): text for text in (one.encode() for one in passages)}
    for (start, _), text in sorted(found.items()):
        inside = np.flatnonzero((starts >= start) & (ends <= start + len(text)) & (ends > starts))
        if start >= 0 and len(inside) >= _WORTH and (not spans or inside[0] >= spans[-1].end):
            spans.append(Span(int(inside[0]), int(inside[-1]) + 1))
    return spans


def stitching_shape(fitted: Fitted, header: Header) -> Shape:
    """The shape of a context to stitch in: prompts that are longer than it are read as a whole."""
    # Models with two sets of rotations choose by the size of the context.
    original = header.number("rope.scaling.original_context_length")
    cells = min(fitted.context_tokens, max(_CELLS, original + 1))
    return replace(fitted.shape, cells=cells, sequences=_FIRST + _MOST_PASSAGES)


class Stitcher:
    """Puts the beginnings of prompts together, in a context of its own. For one thread."""

    def __init__(self, model: Model, shape: Shape, states: States | None, memory: int) -> None:
        """Make the context.

        Args:
            model: loaded.
            shape: as `stitching_shape` gives it.
            states: where to keep passages on disk.
            memory: bytes of passages to keep at hand.

        Raises:
            LLMError: there isn't enough memory, or this model's keys can't be turned.
        """
        self._context = Context(model, shape)
        if not self._context.can_shift:
            raise LLMError("this model's passages can't be stitched", hint="set [llm] stitch = false")
        self._cells = shape.cells
        self._states = states
        self._limit = memory
        self._known: OrderedDict[tuple[int, ...], NDArray[np.uint8]] = OrderedDict()
        self._opening: list[int] = []
        self.computed = 0

    def build(
        self, prompt: Sequence[int], spans: Sequence[Span]
    ) -> Generator[None, None, tuple[list[int], NDArray[np.uint8]] | None]:
        """Put a prompt together to the end of its last passage, a step at a time.

        Returns:
            The tokens and their state; None where there is nothing to gain.

        Raises:
            LLMError: llama.cpp fails.
        """
        spans = [span for span in spans if span.end < self._cells][:_MOST_PASSAGES]
        if not spans:
            return None
        for sequence in range(_WHOLE, _FIRST + _MOST_PASSAGES):
            self._context.cut(sequence, 0)
        opening = list(prompt[: spans[0].start])
        yield from self._open(opening)
        states = []
        for span in spans:
            states.append((yield from self._passage(opening, list(prompt[span.start : span.end]))))
        for n, (span, state) in enumerate(zip(spans, states, strict=True), _FIRST):
            if not self._context.restore(n, state):
                return None
            self._context.shift(n, span.start - len(opening))
        self._context.copy(_OPENING, _WHOLE, len(opening))
        done = len(opening)
        for n, span in enumerate(spans, _FIRST):
            # The first passage stands where it was read.
            known = span.start + _READ_AGAIN if n > _FIRST else span.start
            yield from self._read(_WHOLE, done, prompt[done:known])
            self._context.copy(n, _WHOLE, span.end, known)
            self._context.cut(n, 0)
            done = span.end
        return list(prompt[:done]), self._context.state(_WHOLE)

    def _open(self, opening: list[int]) -> Generator[None, None, None]:
        if opening != self._opening:
            self._opening = []
            self._context.cut(_OPENING, 0)
            yield from self._read(_OPENING, 0, opening)
            self._opening = opening

    def _passage(self, opening: list[int], passage: list[int]) -> Generator[None, None, NDArray[np.uint8]]:
        """The state of a passage that stands right behind the opening."""
        tokens = (*opening, *passage)
        state = self._known.get(tokens)
        if state is None:
            state = self._load(tokens)
        if state is None:
            era = self._states.era() if self._states else None
            start = len(opening)
            self._context.copy(_OPENING, _WHOLE, start)
            yield from self._read(_WHOLE, start, passage)
            self._context.copy(_WHOLE, _FIRST, len(tokens), start)
            state = self._context.state(_FIRST)
            self._context.cut(_WHOLE, 0)
            self._context.cut(_FIRST, 0)
            self._save(era, tokens, state)
        self._keep(tokens, state)
        return state

    def _read(self, sequence: int, start: int, tokens: Sequence[int]) -> Generator[None, None, None]:
        # A single row at the end would be computed in another way, with other last digits.
        step = _TOKENS_A_STEP - (len(tokens) % _TOKENS_A_STEP == 1)
        for done in range(0, len(tokens), step):
            some = tokens[done : done + step]
            rows = [Row(token, start + done + n, sequence, n == 0) for n, token in enumerate(some)]
            if code := self._context.decode(rows):
                self._opening = []
                self._context.cut(_OPENING, 0)
                raise LLMError(f"llama.cpp failed: code {code}", hint="set [llm] stitch = false")
            self.computed += len(some)
            yield

    def _keep(self, tokens: tuple[int, ...], state: NDArray[np.uint8]) -> None:
        self._known[tokens] = state
        self._known.move_to_end(tokens)
        total = sum(map(len, self._known.values()))
        while total > self._limit:
            total -= len(self._known.popitem(last=False)[1])

    def _load(self, tokens: Sequence[int]) -> NDArray[np.uint8] | None:
        if not self._states:
            return None
        path, shared = self._states.find(tokens)
        found = self._states.load(path) if path and shared == len(tokens) else None
        return found[1] if found and len(found[0]) == len(tokens) else None

    def _save(self, era: Path | None, tokens: Sequence[int], state: NDArray[np.uint8]) -> None:
        if self._states and era:
            self._states.save(era, tokens, state)


class Preparing:
    """Has the next prompt put together before it is begun, a step at a time."""

    def __init__(self, stitcher: Stitcher | None, prefixes: Prefixes) -> None:
        """`prefixes` is given what was put together."""
        self._stitcher = stitcher
        self._prefixes = prefixes
        self._prompt: Sequence[int] = ()
        self._build: Generator[None, None, tuple[list[int], NDArray[np.uint8]] | None] | None = None

    def step(self, prompt: Sequence[int], spans: Sequence[Span]) -> int | None:
        """Go one step on. None: not ready yet; else how many tokens were computed for it. Raises LLMError."""
        if not self._stitcher or not spans:
            return 0
        if self._build is None or self._prompt is not prompt:
            if self._prefixes.known(prompt) >= spans[-1].end:
                return 0
            self._prompt, self._build = prompt, self._stitcher.build(prompt, spans)
            self._stitcher.computed = 0
        try:
            next(self._build)
        except StopIteration as end:
            self._build = None
            if end.value:
                self._prefixes.adopt(*end.value)
            return self._stitcher.computed
        except LLMError:
            self._build = None
            raise
        return None
