"""Picks one sequence's next token."""

from __future__ import annotations

import ctypes
import weakref
from collections import deque

import llama_cpp
import numpy as np

from ragent.protocols import Logits
from ragent.types import Sampling

_PENALIZED = 64
_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])


class Sampler:
    """Penalizes the last 64 tokens of the output, then picks the likeliest token, or one by chance.

    Chance goes by llama.cpp's chain: top-k, top-p, min-p, temperature, and the seed.
    """

    def __init__(self, sampling: Sampling) -> None:
        self._penalty = np.float32(sampling.repeat_penalty)
        self._last: deque[int] = deque(maxlen=_PENALIZED)
        self._chain = None
        if sampling.temperature > 0:
            self._chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
            weakref.finalize(self, llama_cpp.llama_sampler_free, self._chain)
            for part in (
                llama_cpp.llama_sampler_init_top_k(sampling.top_k),
                llama_cpp.llama_sampler_init_top_p(sampling.top_p, 1),
                llama_cpp.llama_sampler_init_min_p(sampling.min_p, 1),
                llama_cpp.llama_sampler_init_temp(sampling.temperature),
                llama_cpp.llama_sampler_init_dist(sampling.seed),
            ):
                llama_cpp.llama_sampler_chain_add(self._chain, part)

    def pick(self, logits: Logits) -> int:
        """The next token, of those above minus infinity. `logits`, shape (vocabulary,), may be changed."""
        if self._last and self._penalty != 1:
            tokens = list(self._last)
            scores = logits[tokens]
            logits[tokens] = np.where(scores > 0, scores / self._penalty, scores * self._penalty)
        token = self._by_chance(logits) if self._chain else int(logits.argmax())
        self._last.append(token)
        return token

    def _by_chance(self, logits: Logits) -> int:
        ids = np.flatnonzero(logits > -np.inf)
        candidates = np.zeros(len(ids), _CANDIDATE)
        candidates["id"], candidates["logit"] = ids, logits[ids]
        data = candidates.ctypes.data_as(ctypes.POINTER(llama_cpp.llama_token_data))
        array = llama_cpp.llama_token_data_array(data, len(ids), -1, False)
        llama_cpp.llama_sampler_apply(self._chain, ctypes.byref(array))
        token = int(array.data[array.selected].id)
        llama_cpp.llama_sampler_accept(self._chain, token)
        return token
