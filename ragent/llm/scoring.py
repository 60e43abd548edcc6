"""How likely a model finds given texts: log-probabilities, computed beside any generation."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from threading import Lock

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from ragent.errors import ContextOverflow, LLMError

_UBATCH = 512


class Scorer:
    """A second context over a loaded model: weights are shared, the key-value cache is its own.

    So a generation in progress, and the cache it leaves behind, are not touched. Calls take turns. What a
    prompt has in common with the one before it, from the start, is not computed again.
    """

    def __init__(self, llama: llama_cpp.Llama, context_tokens: int, threads: int) -> None:
        """Make room for `context_tokens`. Raises LLMError when there is none."""
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx = parameters.n_batch = context_tokens
        parameters.n_ubatch = _UBATCH
        parameters.n_threads = parameters.n_threads_batch = threads
        context = llama_cpp.llama_init_from_model(llama.model, parameters)
        if not context:
            raise LLMError(
                f"llama.cpp can't make a second context of {context_tokens} tokens",
                hint="free some memory, or use a smaller model",
            )
        weakref.finalize(self, llama_cpp.llama_free, context)
        # The weights must outlive the context.
        self._llama = llama
        self._context = context
        self._context_tokens = context_tokens
        self._words = llama.n_vocab()
        self._held: list[int] = []
        self._turn = Lock()

    @property
    def context_tokens(self) -> int:
        """Prompt and continuation together may not exceed this."""
        return self._context_tokens

    def log_likelihoods(self, prompt: Sequence[int], continuations: Sequence[Sequence[int]]) -> list[float]:
        """Sum of ln p over the tokens of each continuation, were it to follow the prompt.

        A continuation of one token costs nothing beside the prompt.

        Raises:
            ContextOverflow: prompt and the longest continuation don't fit.
            LLMError: the engine fails.
        """
        needed = len(prompt) + max(map(len, continuations))
        if needed > self._context_tokens:
            raise ContextOverflow(
                f"prompt and continuation have {needed} tokens; the context is {self._context_tokens}",
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
        kept = self._keep(tokens, len(tokens) - outputs)
        batch = llama_cpp.llama_batch_init(len(tokens) - kept, 0, 1)
        try:
            batch.n_tokens = len(tokens) - kept
            for place in range(kept, len(tokens)):
                row = place - kept
                batch.token[row], batch.pos[row] = tokens[place], place
                batch.n_seq_id[row], batch.seq_id[row][0] = 1, 0
                batch.logits[row] = place >= len(tokens) - outputs
            self._held = []
            if code := llama_cpp.llama_decode(self._context, batch):
                raise LLMError(
                    f"llama.cpp failed with code {code}", hint="`ragent models doctor` tests the engine"
                )
            self._held = list(tokens)
            last = batch.n_tokens
            pointers = [
                llama_cpp.llama_get_logits_ith(self._context, row) for row in range(last - outputs, last)
            ]
            logits = np.stack([np.ctypeslib.as_array(one, (self._words,)) for one in pointers])
        finally:
            llama_cpp.llama_batch_free(batch)
        logits -= logits.max(axis=1, keepdims=True)
        normalized: NDArray[np.float32] = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return normalized

    def _keep(self, tokens: Sequence[int], most: int) -> int:
        """Cut the cache back to what it shares with `tokens`, `most` at most; the number of tokens kept."""
        shared = 0
        for old, new in zip(self._held, tokens[:most], strict=False):
            if old != new:
                break
            shared += 1
        memory = llama_cpp.llama_get_memory(self._context)
        if shared and llama_cpp.llama_memory_seq_rm(memory, 0, shared, -1):
            return shared
        # Some models' caches can't be cut.
        llama_cpp.llama_memory_clear(memory, True)
        return 0
