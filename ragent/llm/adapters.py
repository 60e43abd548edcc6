"""LoRA adapters and control vectors: what changes a model's ways, but not its weights.

Sources: Hu et al. 2021, "LoRA" (arXiv 2106.09685);
Zou et al. 2023, "Representation engineering" (arXiv 2310.01405).
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from ragent.config import LLMSettings
from ragent.errors import LLMError, ModelNotFound
from ragent.llm.control_vectors import read_control_vector
from ragent.llm.gguf import read_header
from ragent.llm.states import fingerprint

_HINT = "an adapter works with the very model that it was made for"


@dataclass(frozen=True, slots=True)
class Scaled:
    """A file, and how much its effect counts: 1 as it was made, 0 not at all, -1 the opposite."""

    path: Path
    scale: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to put onto a model; several add up.

    Attributes:
        loras: adapters of weights.
        control_vectors: directions for hidden states.
        layers: the first and the last that are steered; 0: up to the model's last.
    """

    loras: tuple[Scaled, ...] = ()
    control_vectors: tuple[Scaled, ...] = ()
    layers: tuple[int, int] = (1, 0)

    def fingerprint(self) -> tuple[object, ...]:
        """What tells them from others, the files' contents included. Raises ModelNotFound."""
        files = tuple(
            fingerprint(one.path, (kind, one.scale))
            for kind, ones in (("lora", self.loras), ("control", self.control_vectors))
            for one in ones
        )
        return (*files, self.layers) if files else ()


def find_adapters(settings: LLMSettings, folder: Path | None) -> Wanted:
    """Find the files of the adapters that are set, by path or by name in `folder` (HOME/models, or None).

    Raises:
        ModelNotFound: there is no such file.
    """
    loras, vectors = _found(settings.loras, folder), _found(settings.control_vectors, folder)
    return Wanted(loras, vectors, (settings.control_first_layer, settings.control_last_layer))


class Adapters:
    """The adapters of one loaded model, for all of its contexts."""

    def __init__(self, model: Any, wanted: Wanted) -> None:
        """Load them. `model` is llama.cpp's.

        Raises:
            ModelNotFound: there is no such file.
            LLMError: a file is damaged or cut short, holds something else, or belongs to another model.
        """
        self._loras = [_load_lora(model, one) for one in wanted.loras]
        self._scales = [one.scale for one in wanted.loras]
        self._size = llama_cpp.llama_model_n_embd(model)
        most = llama_cpp.llama_model_n_layer(model) - 1
        first, last = wanted.layers
        self._layers = first, last or most
        self._steering: NDArray[np.float32] | None = None
        if wanted.control_vectors:
            self._steering = _sum(wanted.control_vectors, most, self._size)

    def apply(self, context: Any) -> None:
        """Let a new context of the model, llama.cpp's, have them. Raises LLMError if it can't."""
        failed = 0
        if self._loras:
            count = len(self._loras)
            adapters = (llama_cpp.llama_adapter_lora_p_ctypes * count)(*self._loras)
            scales = (ctypes.c_float * count)(*self._scales)
            failed |= llama_cpp.llama_set_adapters_lora(context, adapters, count, scales)
        if self._steering is not None:
            data = self._steering.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
            size = self._steering.size
            failed |= llama_cpp.llama_set_adapter_cvec(context, data, size, self._size, *self._layers)
        if failed:
            raise LLMError("llama.cpp can't use the model's adapters", hint=_HINT)


def _found(files: Mapping[str, float], folder: Path | None) -> tuple[Scaled, ...]:
    found = []
    for name, scale in files.items():
        places = [Path(name).expanduser(), *([folder / name, folder / f"{name}.gguf"] if folder else [])]
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            raise ModelNotFound(f"there is no adapter {name}", hint="give the path of its GGUF file")
        found.append(Scaled(path, scale))
    return tuple(found)


def _load_lora(model: Any, wanted: Scaled) -> Any:
    header = read_header(wanted.path)
    if header.text("general.type") != "adapter" or header.text("adapter.type") != "lora":
        raise LLMError(
            f"{wanted.path} is no LoRA adapter",
            hint="llama.cpp's convert_lora_to_gguf.py makes one of PEFT's",
        )
    adapter = llama_cpp.llama_adapter_lora_init(model, str(wanted.path).encode())
    # What it gives on failure isn't None, but a pointer to nowhere.
    if not adapter:
        raise LLMError(f"llama.cpp can't put {wanted.path} onto this model", hint=_HINT)
    if llama_cpp.llama_adapter_get_alora_n_invocation_tokens(adapter):
        raise LLMError(
            f"{wanted.path} is an activated LoRA, which works from certain words on only",
            hint="use one that was trained without invocation tokens",
        )
    return adapter


def _sum(wanted: Sequence[Scaled], most: int, size: int) -> NDArray[np.float32]:
    """All control vectors together, by layer from the first on, as llama.cpp wants them."""
    steering = np.zeros((most, size), np.float32)
    for one in wanted:
        for layer, direction in read_control_vector(one.path).directions.items():
            if layer > most or len(direction) != size:
                raise LLMError(f"the control vector {one.path} was made for another model", hint=_HINT)
            steering[layer - 1] += np.float32(one.scale) * direction
    return steering
