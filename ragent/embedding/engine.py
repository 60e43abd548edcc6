"""Runs a BERT encoder on the CPU through OpenVINO, batch after batch, on every core."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ragent.embedding.batching import batches
from ragent.embedding.bert import BertConfig, WordVectors, build_bert
from ragent.embedding.weights import map_weights
from ragent.errors import ConfigError
from ragent.offline import import_openvino
from ragent.protocols import Vectors

ov, _ = import_openvino()

# The activations of a batch this small stay in the caches of one core: 1024 gave 13 % more than 8192.
_BATCH_TOKENS = 1024


class Engine:
    """A compiled encoder. Safe to call from several threads; calls take turns.

    The same call gives the same bits. Other neighbours in a batch change the order in which numbers are
    summed: by about 1e-7 a component in fp32, and 1e-3 (cosine above 0.9999) in bf16.
    """

    def __init__(self, folder: Path, precision: Literal["auto", "bf16", "fp32"], threads: int) -> None:
        """Load `model.safetensors` and `config.json` of a BERT sentence encoder.

        Raises:
            ConfigError: bf16 is asked for, and this CPU can't compute in it.
        """
        core = ov.Core()
        config = BertConfig.read(folder / "config.json")
        options = {
            "INFERENCE_PRECISION_HINT": _precision(core, precision),
            "PERFORMANCE_HINT": "THROUGHPUT",
            "INFERENCE_NUM_THREADS": threads,
            # Else the threads of every process would be tied to the same first cores.
            "ENABLE_CPU_PINNING": False,
        }
        weights = map_weights(folder / "model.safetensors")
        model = core.compile_model(build_bert(weights, config), "CPU", options)
        self._words = WordVectors(weights)
        self._dimension = config.hidden_size
        self._requests = ov.AsyncInferQueue(model)
        self._lock = Lock()

    def embed(self, ids: Sequence[Sequence[int]]) -> Vectors:
        """Unit vectors of shape (len(ids), dimension), in order; `ids` include the special tokens."""
        vectors = np.empty((len(ids), self._dimension), dtype=np.float32)

        def keep(request: Any, rows: NDArray[np.intp]) -> None:
            vectors[rows] = request.get_output_tensor(0).data

        self._run(ids, keep)
        return vectors

    def embed_tokens(self, ids: Sequence[Sequence[int]]) -> list[Vectors]:
        """For each text, unit vectors of shape (len(ids[i]), dimension), one a token."""
        vectors: list[Vectors] = [np.empty((len(one), self._dimension), dtype=np.float32) for one in ids]

        def keep(request: Any, rows: NDArray[np.intp]) -> None:
            for row, states in zip(rows, request.get_output_tensor(1).data, strict=True):
                vectors[row][:] = states[: len(vectors[row])]

        self._run(ids, keep)
        return vectors

    def _run(self, ids: Sequence[Sequence[int]], keep: Callable[[Any, NDArray[np.intp]], None]) -> None:
        with self._lock:
            self._requests.set_callback(keep)
            for batch in batches(ids, tokens=_BATCH_TOKENS):
                self._requests.start_async([self._words.look_up(batch.ids), batch.mask], batch.rows)
            self._requests.wait_all()


def _precision(core: Any, asked: str) -> str:
    has_bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if asked == "bf16" and not has_bf16:
        raise ConfigError("this CPU can't compute in bf16", hint='use [embedder] precision = "auto"')
    return "bf16" if has_bf16 and asked != "fp32" else "f32"
