"""Trains control vectors from pairs of contrasting prompts.

Of each pair, the hidden states at the prompts' last tokens are compared, layer by layer; what the differences
have in common is the direction. Sources: Zou et al. 2023, "Representation engineering" (arXiv 2310.01405);
repeng (https://github.com/vgel/repeng), whose files have the same format and the same scale: unit length.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import llama_cpp
import numpy as np
from llama_cpp._ggml import libggml
from numpy.typing import NDArray

from ragent.errors import LLMError
from ragent.llm.control_vectors import ControlVector
from ragent.llm.native import Context, Model, Row, Shape

# What llama.cpp calls the hidden state after a layer.
_STATE = b"l_out-"

Progress = Callable[[int, int], None]

_name = libggml.ggml_get_name
_name.argtypes, _name.restype = [ctypes.c_void_p], ctypes.c_char_p
_bytes = libggml.ggml_nbytes
_bytes.argtypes, _bytes.restype = [ctypes.c_void_p], ctypes.c_size_t
_copy = libggml.ggml_backend_tensor_get
_copy.argtypes, _copy.restype = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t], None


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two prompts that differ in what is to be steered: its strength moves towards the `positive` one."""

    positive: str
    negative: str


def train(
    model: Model,
    shape: Shape,
    pairs: Sequence[tuple[Sequence[int], Sequence[int]]],
    progress: Progress | None = None,
) -> ControlVector:
    """A direction of unit length for each layer but the first, which llama.cpp can't steer.

    It is the first principal component of the differences, not centred: their mean is what is looked for.

    Args:
        model: loaded.
        shape: the context's; room is made for the longest prompt.
        pairs: the tokens of positive and negative prompts.
        progress: told how many prompts were read, of how many.

    Raises:
        LLMError: the pairs don't differ, the model shows no hidden states, or the engine fails.
    """
    longest = max(len(tokens) for pair in pairs for tokens in pair)
    states = _HiddenStates(model, replace(shape, cells=longest, sequences=1))
    read: list[NDArray[np.float32]] = []
    for pair in pairs:
        for tokens in pair:
            read.append(states.after(tokens))
            if progress:
                progress(len(read), 2 * len(pairs))
    differences = np.stack(read[::2]) - np.stack(read[1::2])
    if not differences[:, 1:].any(axis=(0, 2)).all():
        raise LLMError("the prompts of the pairs don't differ", hint="write contrasting ones")
    return ControlVector({layer: _direction(differences[:, layer]) for layer in range(1, model.layers)})


def _direction(differences: NDArray[np.float32]) -> NDArray[np.float32]:
    """Unit length, from negative to positive."""
    _, _, components = np.linalg.svd(differences.astype(np.float64), full_matrices=False)
    first = components[0]
    return np.asarray(first * (1 if (differences @ first).sum() >= 0 else -1), np.float32)


class _HiddenStates:
    """A context that shows what it thinks of a prompt's last token, after each layer."""

    def __init__(self, model: Model, shape: Shape) -> None:
        self._layers = model.layers
        self._batch = shape.batch
        self._watch = _Watch(model)
        self._context = Context(model, shape, llama_cpp.ggml_backend_sched_eval_callback(self._watch.look))

    def after(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """Shape (layers, size)."""
        self._context.cut(0, 0)
        self._watch.seen.clear()
        for start in range(0, len(tokens), self._batch):
            part = tokens[start : start + self._batch]
            rows = [Row(token, start + n, 0, start + n == len(tokens) - 1) for n, token in enumerate(part)]
            if code := self._context.decode(rows):
                raise LLMError(f"llama.cpp failed with code {code}", hint="use shorter prompts")
        if len(self._watch.seen) < self._layers:
            raise LLMError("llama.cpp doesn't show the hidden states of this kind of model")
        return self._watch.states.copy()


class _Watch:
    """Keeps the last row of what each layer gave, and which layers those were."""

    def __init__(self, model: Model) -> None:
        self.states = np.zeros((model.layers, model.size), np.float32)
        self.seen: set[int] = set()

    def look(self, tensor: Any, asks: bool, _data: Any) -> bool:
        """llama.cpp asks whether a tensor matters, and comes again when that one is computed."""
        name: bytes = _name(tensor)
        if not name.startswith(_STATE):
            return not asks
        if not asks:
            self._keep(int(name.removeprefix(_STATE)), tensor)
        return True

    def _keep(self, layer: int, tensor: Any) -> None:
        # A part of the prompt without its last token has no row in the last layer.
        size = self.states[layer].nbytes
        if (end := _bytes(tensor)) >= size:
            _copy(tensor, self.states[layer].ctypes.data, end - size, size)
            self.seen.add(layer)
