"""How likely a model finds given texts: log-probabilities, computed beside any generation."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from ragent.errors import ContextOverflow, LLMError
from ragent.llm.native import Context, Model, Row, Shape
from ragent.protocols import Logits


class Scorer:
    """A second context over a loaded model: weights are shared, the key-value cache is its own.

    So a generation in progress, and the cache it leaves behind, are not touched. Calls take turns. What a
    prompt has in common with the one before it, from the start, is not computed again.
    """

    def __init__(self, model: Model, shape: Shape) -> None:
        """Make room for `shape.cells` tokens. Raises LLMError when there is none."""
        self._context = Context(model, shape)
        self._shape = shape
        self._held: list[int] = []
        self._turn = Lock()

    @property
    def context_tokens(self) -> int:
        """Prompt and continuation together may not exceed this."""
        return self._shape.cells

    def log_likelihoods(self, prompt: Sequence[int], continuations: Sequence[Sequence[int]]) -> list[float]:
        """Sum of ln p over the tokens of each continuation, were it to follow the prompt.

        A continuation of one token costs nothing beside the prompt.

        Raises:
            ContextOverflow: prompt and the longest continuation don't fit.
            LLMError: the engine fails.
        """
        needed = len(prompt) + max(map(len, continuations))
        if needed > self.context_tokens:
            raise ContextOverflow(
                f"prompt and continuation have {needed} tokens; the context is {self.context_tokens}",
                hint="score shorter passages",
            )
        with self._turn:
            (first,) = self._read(prompt, outputs=1)
            return [float(first[one[0]]) + self._rest(prompt, one) for one in continuations]

    def _rest(self, prompt: Sequence[int], continuation: Sequence[int]) -> float:
        if len(continuation) == 1:
            return 0.0
        rows = self._read([*prompt, *continuation[:-1]], outputs=len(continuation) - 1)
        return float(rows[np.arange(len(rows)), list(continuation[1:])].sum())

    def _read(self, tokens: Sequence[int], outputs: int) -> NDArray[np.float32]:
        """Log-probabilities of what follows each of the last `outputs` tokens: (outputs, vocabulary)."""
        first = len(tokens) - outputs
        kept = self._keep(tokens, first)
        self._held = []
        logits: list[Logits] = []
        for start in range(kept, len(tokens), self._shape.batch):
            end = min(start + self._shape.batch, len(tokens))
            rows = [Row(tokens[place], place, 0, place >= first) for place in range(start, end)]
            if code := self._context.decode(rows):
                self._context.cut(0, 0)
                raise LLMError(
                    f"llama.cpp failed with code {code}", hint="`ragent models doctor` tests the engine"
                )
            logits += [self._context.logits(n).copy() for n, row in enumerate(rows) if row.output]
        self._held = list(tokens)
        return _log_probabilities(np.stack(logits))

    def _keep(self, tokens: Sequence[int], most: int) -> int:
        """Cut the cache back to what it shares with `tokens`, `most` at most; the number of tokens kept."""
        shared = 0
        for old, new in zip(self._held, tokens[:most], strict=False):
            if old != new:
                break
            shared += 1
        # Some models' caches can't be cut.
        return shared if self._context.cut(0, shared) else 0


def _log_probabilities(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    logits = logits - logits.max(axis=1, keepdims=True)
    normalized: NDArray[np.float32] = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return normalized
