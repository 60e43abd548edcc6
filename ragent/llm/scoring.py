"""How likely a model finds given texts: log-probabilities, computed beside any generation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from ragent.errors import ContextOverflow, LLMError
from ragent.llm.native import Context, Model, Row, Shape

_OUTPUTS = 64


@dataclass(frozen=True, slots=True)
class Perplexity:
    """How a model finds a text: `nll` is the mean of -ln p over its `tokens`, `value` is e to the `nll`."""

    value: float
    nll: float
    tokens: int


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
        self._refuse_unless(len(prompt) + max(map(len, continuations)))
        with self._turn:
            ((first,),) = self._read(prompt, outputs=1)
            return [float(first[one[0]]) + self._rest(prompt, one) for one in continuations]

    def each(self, tokens: Sequence[int], start: int) -> NDArray[np.float64]:
        """Natural logarithm of p of each of `tokens[start:]`, after all before it: shape (their number,).

        `start` is at least 1. Raises as `log_likelihoods` does.
        """
        self._refuse_unless(len(tokens))
        with self._turn:
            return self._likelihoods(tokens, start)

    def _rest(self, prompt: Sequence[int], continuation: Sequence[int]) -> float:
        return float(self._likelihoods([*prompt, *continuation], len(prompt) + 1).sum())

    def _likelihoods(self, tokens: Sequence[int], start: int) -> NDArray[np.float64]:
        wanted = np.array(tokens[start:])
        if not len(wanted):
            return np.zeros(0)
        found: list[NDArray[np.float64]] = []
        done = 0
        for rows in self._read(tokens[:-1], outputs=len(wanted)):
            found.append(rows[np.arange(len(rows)), wanted[done : done + len(rows)]].astype(np.float64))
            done += len(rows)
        return np.concatenate(found)

    def _refuse_unless(self, needed: int) -> None:
        if needed > self.context_tokens:
            raise ContextOverflow(
                f"prompt and continuation have {needed} tokens; the context is {self.context_tokens}",
                hint="score shorter passages",
            )

    def _read(self, tokens: Sequence[int], outputs: int) -> Iterator[NDArray[np.float32]]:
        """Log-probabilities of what follows each of the last `outputs` tokens, in order and in pieces.

        Each has the shape (tokens, vocabulary). All must be taken.
        """
        first = len(tokens) - outputs
        start = self._keep(tokens, first)
        self._held = []
        while start < len(tokens):
            # Many rows of outputs would take much memory.
            batch = self._shape.batch
            most = batch if start + batch <= first else min(batch, _OUTPUTS)
            end = min(start + most, len(tokens))
            rows = [Row(tokens[place], place, 0, place >= first) for place in range(start, end)]
            if code := self._context.decode(rows):
                self._context.cut(0, 0)
                raise LLMError(
                    f"llama.cpp failed with code {code}", hint="`ragent models doctor` tests the engine"
                )
            logits = [self._context.logits(n) for n, row in enumerate(rows) if row.output]
            if logits:
                yield _log_probabilities(np.stack(logits))
            start = end
        self._held = list(tokens)

    def _keep(self, tokens: Sequence[int], most: int) -> int:
        """Cut the cache back to what it shares with `tokens`, `most` at most; the number of tokens kept."""
        shared = 0
        for old, new in zip(self._held, tokens[:most], strict=False):
            if old != new:
                break
            shared += 1
        # Some models' caches can't be cut.
        return shared if self._context.cut(0, shared) else 0


def perplexity(scorer: Scorer, tokens: Sequence[int], head: Sequence[int], stride: int) -> Perplexity:
    """exp(-1/N sum of ln p(t_i | what comes before t_i in its window)), over all tokens that have a before.

    The windows are as long as the context, and begin `stride` tokens apart; each token counts once, in the
    first window that has it. So, those after the first window have `window - stride` before them, or more.

    Args:
        scorer: of the model.
        tokens: the text's; the first one counts only after a `head`.
        head: what each window begins with: the token that begins texts, if the model wants it.
        stride: less than a window; less is more exact, and slower.

    Raises:
        ValueError: the text is too short, or `stride` out of range.
        LLMError: the engine fails.
    """
    window = scorer.context_tokens - len(head)
    if not 0 < stride < window:
        raise ValueError(f"stride must be from 1 to {window - 1}")
    done = 0 if head else 1
    if len(tokens) <= done:
        raise ValueError("the text has no token to predict")
    total, counted, begin = 0.0, 0, 0
    while done < len(tokens):
        end = min(begin + window, len(tokens))
        found = scorer.each([*head, *tokens[begin:end]], len(head) + done - begin)
        total, counted = total - float(found.sum()), counted + len(found)
        done, begin = end, begin + stride
    return Perplexity(math.exp(total / counted), total / counted, counted)


def _log_probabilities(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    logits = logits - logits.max(axis=1, keepdims=True)
    normalized: NDArray[np.float32] = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return normalized
