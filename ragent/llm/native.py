"""llama.cpp's model and context as two objects that free themselves, and no more than that.

Not thread-safe, as llama.cpp isn't: a context belongs to one thread at a time. A model may be shared.
"""

from __future__ import annotations

import ctypes
import logging
import weakref
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from ragent.errors import LLMError
from ragent.llm.adapters import Adapters, Wanted
from ragent.protocols import Logits
from ragent.types import Vocabulary

_LOG = logging.getLogger("ragent.llm")
_CONTROL = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL | llama_cpp.LLAMA_TOKEN_ATTR_UNKNOWN
KV_TYPES = {
    "f16": llama_cpp.GGML_TYPE_F16,
    "q8_0": llama_cpp.GGML_TYPE_Q8_0,
    "q4_0": llama_cpp.GGML_TYPE_Q4_0,
}
_FLASH = {"auto": -1, "off": 0, "on": 1}
_ROPE = {"": -1, "none": 0, "linear": 1, "yarn": 2}


@dataclass(frozen=True, slots=True)
class Loading:
    """How to load a model, and what to put onto it."""

    n_gpu_layers: int = 0
    mmap: bool = True
    mlock: bool = False
    adapters: Wanted = field(default_factory=Wanted)


@dataclass(frozen=True, slots=True)
class Yarn:
    """How YaRN stretches a context; -1 (0 for `orig_ctx`): as the model says. Source: arXiv 2309.00071.

    Attributes:
        ext_factor: how much is extrapolated: 0 interpolates alone.
        attn_factor: by what attention's magnitude is scaled; llama.cpp heeds it where `ext_factor` is 0.
        beta_fast: dimensions that turn more often in the original context are extrapolated.
        beta_slow: those that turn less often are interpolated.
        orig_ctx: the context that the model was trained with.
    """

    ext_factor: float = -1.0
    attn_factor: float = -1.0
    beta_fast: float = -1.0
    beta_slow: float = -1.0
    orig_ctx: int = 0


@dataclass(frozen=True, slots=True)
class Shape:
    """How to make a context.

    Attributes:
        cells: tokens whose keys and values fit, of all sequences together; shared ones count once.
        sequences: how many there may be.
        batch: the most rows of one call of `decode`.
        step: rows that are computed at once.
        threads: as many as work on it.
        flash_attention: "auto", "on" or "off".
        kv_type: of `KV_TYPES`.
        rope_scaling: "none", "linear", "yarn", or "" for the model's own.
        rope_freq_base: 0: the model's own.
        rope_freq_scale: 0: the model's own.
        yarn: for the rope scaling of that name.
        exact: whether what is kept of a prompt must be, bit by bit, what would be computed anew.
    """

    cells: int
    sequences: int
    batch: int
    step: int
    threads: int
    flash_attention: str = "auto"
    kv_type: str = "f16"
    rope_scaling: str = ""
    rope_freq_base: float = 0.0
    rope_freq_scale: float = 0.0
    yarn: Yarn = field(default_factory=Yarn)
    exact: bool = True

    @property
    def numbers(self) -> tuple[str | float, ...]:
        """What keys and values depend on."""
        rope = self.rope_scaling, self.rope_freq_base, self.rope_freq_scale
        return self.flash_attention, self.kv_type, *rope, *astuple(self.yarn)


@dataclass(frozen=True, slots=True)
class Row:
    """One token of a batch: where it stands in which sequence, and whether to tell what may follow it."""

    token: int
    place: int
    sequence: int
    output: bool


class Model:
    """A model's weights and vocabulary."""

    def __init__(self, path: Path, loading: Loading) -> None:
        """Load the file, and its adapters. Raises LLMError if llama.cpp can't."""
        llama_cpp.llama_backend_init()
        parameters = llama_cpp.llama_model_default_params()
        parameters.n_gpu_layers = loading.n_gpu_layers
        parameters.load_mode = {
            (True, True): llama_cpp.LLAMA_LOAD_MODE_MMAP_MLOCK,
            (True, False): llama_cpp.LLAMA_LOAD_MODE_MMAP,
            (False, True): llama_cpp.LLAMA_LOAD_MODE_MLOCK,
            (False, False): llama_cpp.LLAMA_LOAD_MODE_NONE,
        }[loading.mmap, loading.mlock]
        self.handle = llama_cpp.llama_model_load_from_file(str(path).encode(), parameters)
        if not self.handle:
            raise LLMError(f"llama.cpp can't load {path}", hint="`ragent models doctor` tests the engine")
        weakref.finalize(self, llama_cpp.llama_model_free, self.handle)
        self.adapters = Adapters(self.handle, loading.adapters)
        self.vocab = llama_cpp.llama_model_get_vocab(self.handle)
        self.bos: int = llama_cpp.llama_vocab_bos(self.vocab)
        self.eos: int = llama_cpp.llama_vocab_eos(self.vocab)

    @property
    def words(self) -> int:
        """Size of the vocabulary."""
        return int(llama_cpp.llama_vocab_n_tokens(self.vocab))

    @property
    def size(self) -> int:
        """Numbers of a hidden state."""
        return int(llama_cpp.llama_model_n_embd(self.handle))

    @property
    def layers(self) -> int:
        return int(llama_cpp.llama_model_n_layer(self.handle))

    @property
    def can_be_cut(self) -> bool:
        """Whether the end of what a sequence has read can be taken back: recurrent models can't do so."""
        recurrent = llama_cpp.llama_model_is_recurrent(self.handle)
        return not (recurrent or llama_cpp.llama_model_is_hybrid(self.handle))

    @property
    def begins_with_bos(self) -> bool:
        return bool(llama_cpp.llama_vocab_get_add_bos(self.vocab))

    def ends(self, token: int) -> bool:
        """Whether the token ends an output."""
        return bool(llama_cpp.llama_vocab_is_eog(self.vocab, token))

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The tokens, for constraints."""
        pieces = tuple(map(self.piece, range(self.words)))
        return Vocabulary(pieces, tuple(filter(self.ends, range(self.words))), self.tokenize)

    def tokenize(self, text: bytes, special: bool = False) -> list[int]:
        """Tokens of a text; `special`: control tokens that it spells are read as such."""
        size = len(text) + 2
        while text:
            tokens = (llama_cpp.llama_token * size)()
            count = llama_cpp.llama_tokenize(self.vocab, text, len(text), tokens, size, False, special)
            if count >= 0:
                return list(tokens[:count])
            size = -count
        return []

    def piece(self, token: int) -> bytes:
        """The bytes of a token; none for control tokens."""
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = llama_cpp.llama_token_to_piece(self.vocab, token, buffer, size, 0, False)
            if length >= 0:
                return buffer.raw[:length]
            size = -length

    def text(self, token: int) -> str:
        """A token as the model's file spells it, control tokens too; "" if there is no such token."""
        if token < 0:
            return ""
        text: bytes = llama_cpp.llama_vocab_get_text(self.vocab, token)
        return text.decode("utf-8", "replace")

    def control_tokens(self) -> list[str]:
        attributes = llama_cpp.llama_vocab_get_attr
        return [self.text(one) for one in range(self.words) if attributes(self.vocab, one) & _CONTROL]


class Context:
    """Sequences of tokens that a model has read, and what it thinks comes next."""

    def __init__(self, model: Model, shape: Shape, watch: Any = None) -> None:
        """Make room. Raises LLMError when there is none.

        `watch`: a `ggml_backend_sched_eval_callback` that sees each tensor as it is computed.
        """
        parameters = llama_cpp.llama_context_default_params()
        if watch:
            parameters.cb_eval = watch
        parameters.n_ctx, parameters.n_seq_max = shape.cells, shape.sequences
        parameters.n_batch, parameters.n_ubatch = shape.batch, min(shape.step, shape.batch)
        parameters.n_threads = parameters.n_threads_batch = shape.threads
        parameters.flash_attn_type = _FLASH[shape.flash_attention]
        parameters.type_k = parameters.type_v = KV_TYPES[shape.kv_type]
        parameters.rope_scaling_type = _ROPE[shape.rope_scaling]
        parameters.rope_freq_base = shape.rope_freq_base
        parameters.rope_freq_scale = shape.rope_freq_scale
        parameters.yarn_ext_factor, parameters.yarn_attn_factor = (
            shape.yarn.ext_factor,
            shape.yarn.attn_factor,
        )
        parameters.yarn_beta_fast, parameters.yarn_beta_slow = shape.yarn.beta_fast, shape.yarn.beta_slow
        parameters.yarn_orig_ctx = shape.yarn.orig_ctx
        parameters.kv_unified = True
        parameters.no_perf = True
        self._handle = llama_cpp.llama_init_from_model(model.handle, parameters)
        if not self._handle:
            raise LLMError(
                f"llama.cpp can't make a context of {shape.cells} tokens",
                hint="free some memory, or set [llm] n_ctx or cache_mb to less",
            )
        self._batch = llama_cpp.llama_batch_init(shape.batch, 0, 1)
        weakref.finalize(self, _free, self._handle, self._batch)
        # The weights must outlive the context, and so must what it calls.
        self._model, self._watch = model, watch
        model.adapters.apply(self._handle)
        self._memory = llama_cpp.llama_get_memory(self._handle)

    def decode(self, rows: Sequence[Row]) -> int:
        """Read a batch; 0, or llama.cpp's code for what went wrong: `cut` what may have been read."""
        batch = self._batch
        batch.n_tokens = len(rows)
        for n, row in enumerate(rows):
            batch.token[n], batch.pos[n], batch.logits[n] = row.token, row.place, row.output
            batch.n_seq_id[n], batch.seq_id[n][0] = 1, row.sequence
        code: int = llama_cpp.llama_decode(self._handle, batch)
        return code

    def logits(self, row: int) -> Logits:
        """What may follow the row of the last batch, shape (vocabulary,): valid until the next `decode`."""
        pointer = llama_cpp.llama_get_logits_ith(self._handle, row)
        return np.ctypeslib.as_array(pointer, (self._model.words,))

    def embed(self) -> None:
        """From now on, give embeddings, too."""
        llama_cpp.llama_set_embeddings(self._handle, True)

    def embedding(self, row: int) -> NDArray[np.float32]:
        """The last hidden state of a row of the last batch, shape (size,): valid until the next `decode`."""
        pointer = llama_cpp.llama_get_embeddings_ith(self._handle, row)
        return np.ctypeslib.as_array(pointer, (self._model.size,))

    def length(self, sequence: int) -> int:
        """How many tokens a sequence has."""
        return int(llama_cpp.llama_memory_seq_pos_max(self._memory, sequence)) + 1

    def cut(self, sequence: int, length: int) -> bool:
        """Forget what follows the first `length` tokens. If the model can't, it forgets all: False."""
        if llama_cpp.llama_memory_seq_rm(self._memory, sequence, length, -1):
            return True
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        return False

    def copy(self, source: int, target: int, end: int, start: int = 0) -> None:
        """Let a sequence have another's tokens from place `start` to before `end`, too: cells are shared."""
        end = end if self._model.can_be_cut else -1
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, start or -1, end)

    @property
    def can_shift(self) -> bool:
        """Whether tokens that were read can be moved to other places."""
        return bool(llama_cpp.llama_memory_can_shift(self._memory))

    def shift(self, sequence: int, by: int) -> None:
        """Move all tokens of a sequence, and of those that share its cells, in the next `decode`."""
        llama_cpp.llama_memory_seq_add(self._memory, sequence, -1, -1, by)

    def state(self, sequence: int) -> NDArray[np.uint8]:
        """A sequence's keys and values, as bytes."""
        size = llama_cpp.llama_state_seq_get_size(self._handle, sequence)
        data = np.empty(size, np.uint8)
        written = llama_cpp.llama_state_seq_get_data(self._handle, _pointer(data), size, sequence)
        return data[:written]

    def restore(self, sequence: int, state: NDArray[np.uint8]) -> bool:
        """Fill an empty sequence with what `state` gave; False, and still empty, if it can't be."""
        if llama_cpp.llama_state_seq_set_data(self._handle, _pointer(state), len(state), sequence):
            return True
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        return False


def _pointer(data: NDArray[np.uint8]) -> Any:
    return data.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))


def _free(handle: Any, batch: Any) -> None:
    llama_cpp.llama_batch_free(batch)
    llama_cpp.llama_free(handle)


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _log(_level: int, text: bytes, _data: ctypes.c_void_p) -> None:
    if _LOG.isEnabledFor(logging.DEBUG):
        _LOG.debug("%s", text.decode("utf-8", "replace").rstrip("\n"))


# Without this llama.cpp writes to stderr. It holds no reference of its own to the callback.
llama_cpp.llama_log_set(_log, ctypes.c_void_p(0))
