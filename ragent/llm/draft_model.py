"""A small model that guesses what a larger one will write."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from ragent.errors import LLMError
from ragent.llm.lookup import Draft
from ragent.llm.native import Context, Model, Row, Shape

_LOG = logging.getLogger("ragent.llm")
_PROBE = 32
# Reading what it hasn't read yet must pay off within so many drafts.
_SOON = 32
_ROUNDING = 128


class DraftModel:
    """Reads one sequence at a time, and guesses its likeliest continuation.

    Attributes:
        reading: seconds that a token of a prompt takes it.
        writing: seconds that a guess takes it.
    """

    def __init__(self, model: Model, shape: Shape, target: Model) -> None:
        """Make room for a sequence of `shape.cells` tokens, and see how long it takes.

        Args:
            model: loaded.
            shape: its context's.
            target: the model whose output it guesses.

        Raises:
            LLMError: it has another vocabulary, can't take tokens back, or there isn't enough memory.
        """
        _check(model, target)
        self._model = model
        self._words = target.words
        self._context = Context(model, replace(shape, sequences=1))
        self._batch = shape.batch
        self._held: list[int] = []
        self.reading = self.writing = 0.0
        self._measure(min(_PROBE, shape.cells // 2))

    def price(self, tokens: Sequence[int]) -> tuple[float, float]:
        """Seconds that a draft for the sequence costs to begin with, and for each token of it."""
        unread = len(tokens) - self._shared(tokens) - 1
        return unread * self.reading / _SOON, self.writing

    def propose(self, tokens: Sequence[int], most: int) -> Draft:
        """The likeliest continuation of `tokens`, which may not outgrow the context with it."""
        shared = self._shared(tokens)
        self._context.cut(0, shared)
        del self._held[shared:]
        guesses: list[int] = []
        unread = tokens[shared:]
        while len(guesses) < most:
            row = self._read(unread)
            if row < 0:
                break
            token = int(self._context.logits(row)[: self._words].argmax())
            if self._model.ends(token):
                break
            guesses.append(token)
            unread = [token]
        return Draft(guesses)

    def _measure(self, count: int) -> None:
        tokens = [token % self._words for token in range(count)]
        self.propose(tokens, 1)  # the weights come from the disk
        self._held = []
        begun = time.perf_counter()
        self.propose(tokens, 1)
        read = time.perf_counter()
        self.propose([*tokens, tokens[0]], 8)
        self.reading, self.writing = (read - begun) / count, (time.perf_counter() - read) / 8

    def _read(self, tokens: Sequence[int]) -> int:
        """Read on; the row that tells what comes next, or -1 if llama.cpp fails."""
        row = -1
        for start in range(0, len(tokens), self._batch):
            part = tokens[start : start + self._batch]
            place, row = len(self._held), len(part) - 1
            if code := self._context.decode([Row(one, place + n, 0, n == row) for n, one in enumerate(part)]):
                _LOG.warning("the draft model failed with code %d", code)
                self._context.cut(0, 0)
                self._held = []
                return -1
            self._held += part
        return row

    def _shared(self, tokens: Sequence[int]) -> int:
        """How many tokens needn't be read again; the last one always must be."""
        pairs = zip(self._held, tokens[:-1], strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _check(model: Model, target: Model) -> None:
    words = min(model.words, target.words)
    # Vocabularies of one family may be rounded up to different sizes.
    alike = abs(model.words - target.words) <= _ROUNDING
    if not alike or any(model.text(token) != target.text(token) for token in range(words)):
        raise LLMError(
            "the draft model has another vocabulary than the model",
            hint="set [llm] draft_model to a smaller model of the same family, or to nothing",
        )
    if not model.can_be_cut:
        raise LLMError(
            "the draft model is a recurrent one, which can't take back what it guessed wrongly",
            hint="set [llm] draft_model to another one, or to nothing",
        )
