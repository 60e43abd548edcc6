"""Picks one sequence's next token."""

from __future__ import annotations

import ctypes
import weakref
from collections import deque
from typing import Any

import llama_cpp
import numpy as np

from ragent.llm.native import Model
from ragent.protocols import Logits
from ragent.types import Dry, Mirostat, Sampling

_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
# How many candidates mirostat 1 estimates the distribution's slope from, as in its authors' code.
_SLOPE_CANDIDATES = 100


class Sampler:
    """Penalizes what the output repeats, then picks the likeliest token, or one by chance.

    The penalties of single tokens are llama.cpp's, computed on the few logits that they change. All else is
    its own chain: DRY, then the likeliest token; or top-k, typical, top-p, min-p, temperature and the seed;
    or temperature and mirostat.
    """

    def __init__(self, sampling: Sampling, model: Model) -> None:
        """`model` is the one whose logits will be given."""
        self._sampling = sampling
        last = sampling.repeat_last_n
        self._last: deque[int] = deque(maxlen=last if last >= 0 else None)
        self._chain = None
        parts = _parts(sampling, model)
        if parts:
            self._chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
            weakref.finalize(self, llama_cpp.llama_sampler_free, self._chain)
            for part in parts:
                llama_cpp.llama_sampler_chain_add(self._chain, part)

    def pick(self, logits: Logits) -> int:
        """The next token, of those above minus infinity. `logits`, shape (vocabulary,), may be changed."""
        self._penalize(logits)
        token = self._by_chain(logits) if self._chain else int(logits.argmax())
        self._last.append(token)
        return token

    def _penalize(self, logits: Logits) -> None:
        wanted = self._sampling
        if wanted.repeat_penalty == 1 and not (wanted.frequency_penalty or wanted.presence_penalty):
            return
        tokens, counts = np.unique(np.fromiter(self._last, np.int32), return_counts=True)
        scores = logits[tokens]
        penalty = np.float32(wanted.repeat_penalty)
        scores = np.where(scores > 0, scores / penalty, scores * penalty)
        logits[tokens] = scores - (counts * wanted.frequency_penalty + wanted.presence_penalty)

    def _by_chain(self, logits: Logits) -> int:
        ids = np.flatnonzero(logits > -np.inf)
        candidates = np.zeros(len(ids), _CANDIDATE)
        candidates["id"], candidates["logit"] = ids, logits[ids]
        data = candidates.ctypes.data_as(ctypes.POINTER(llama_cpp.llama_token_data))
        array = llama_cpp.llama_token_data_array(data, len(ids), -1, False)
        llama_cpp.llama_sampler_apply(self._chain, ctypes.byref(array))
        token = int(array.data[array.selected].id)
        llama_cpp.llama_sampler_accept(self._chain, token)
        return token


def _parts(sampling: Sampling, model: Model) -> list[Any]:
    """The links of llama.cpp's chain; none where the likeliest token is all that is asked for."""
    first = [_dry(sampling.dry, model)] if sampling.dry else []
    if sampling.mirostat:
        temperature = llama_cpp.llama_sampler_init_temp(sampling.temperature or 1.0)
        return [*first, temperature, _mirostat(sampling.mirostat, sampling.seed, model)]
    if not sampling.temperature:
        return [*first, llama_cpp.llama_sampler_init_greedy()] if first else []
    return [
        *first,
        llama_cpp.llama_sampler_init_top_k(sampling.top_k),
        llama_cpp.llama_sampler_init_typical(sampling.typical_p, 1),
        llama_cpp.llama_sampler_init_top_p(sampling.top_p, 1),
        llama_cpp.llama_sampler_init_min_p(sampling.min_p, 1),
        llama_cpp.llama_sampler_init_temp(sampling.temperature),
        llama_cpp.llama_sampler_init_dist(sampling.seed),
    ]


def _dry(dry: Dry, model: Model) -> Any:
    breakers = [text.encode("utf-8", "replace") for text in dry.breakers if text]
    return llama_cpp.llama_sampler_init_dry(
        model.vocab,
        dry.multiplier,
        dry.base,
        dry.allowed_length,
        dry.last_n,
        (ctypes.c_char_p * len(breakers))(*breakers),
        len(breakers),
    )


def _mirostat(mirostat: Mirostat, seed: int, model: Model) -> Any:
    if mirostat.version == 2:
        return llama_cpp.llama_sampler_init_mirostat_v2(seed, mirostat.tau, mirostat.eta)
    return llama_cpp.llama_sampler_init_mirostat(
        model.words, seed, mirostat.tau, mirostat.eta, _SLOPE_CANDIDATES
    )
