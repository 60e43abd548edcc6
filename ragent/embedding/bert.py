"""A BERT sentence encoder as an OpenVINO graph, built straight from safetensors weights.

Devlin et al. 2019 (arXiv:1810.04805) for the encoder; Reimers and Gurevych 2019 (arXiv:1908.10084) for the
mean pooling. Building the graph here needs neither torch nor transformers and takes milliseconds. The word
vectors are looked up outside of the graph: a query needs ten rows of that 47 MB table, and to copy it into a
compiled graph would cost more time than the query.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragent.embedding.weights import Weights
from ragent.offline import import_openvino

ov, ops = import_openvino()

# OpenVINO ships no types.
Node = Any
Model = Any

# Added to the attention scores of padding, so that its share after the softmax is exactly zero.
_MASKED = np.float32(-1e9)


@dataclass(frozen=True, slots=True)
class BertConfig:
    """The shape of the network, by the names of a BERT `config.json`."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    layer_norm_eps: float

    @classmethod
    def read(cls, path: Path) -> BertConfig:
        """Read a `config.json`."""
        values = json.loads(path.read_text("utf-8"))
        return cls(**{name: values[name] for name in cls.__dataclass_fields__})


class WordVectors:
    """The first step of the encoder: what each token is, and where it stands."""

    def __init__(self, weights: Weights) -> None:
        self._words = weights["embeddings.word_embeddings.weight"]
        # A single text is always of type 0, so its type vector is a constant part of the positions.
        places = weights["embeddings.position_embeddings.weight"]
        self._places = places + weights["embeddings.token_type_embeddings.weight"][0]

    def look_up(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        """Token ids of shape (batch, length) in, (batch, length, hidden_size) out, not yet normalised."""
        states: NDArray[np.float32] = self._words[ids]
        states += self._places[: ids.shape[1]]
        return states


def build_bert(weights: Weights, config: BertConfig) -> Model:
    """Sums of word vectors and positions in, unit vectors out.

    Inputs: `states` of `WordVectors.look_up`, and `mask` of shape (batch, length), 1 for a token and 0 for
    padding; float32. Outputs, float32: of shape (batch, hidden_size), the mean over the tokens of the last
    layer, at length one; and of shape (batch, length, hidden_size), that layer itself, each token at length
    one. The graph shares the memory of `weights`.
    """
    return _Builder(weights, config).model()


@dataclass(frozen=True, slots=True)
class _Builder:
    weights: Weights
    config: BertConfig

    def model(self) -> Model:
        states = inputs = ops.parameter([-1, -1, self.config.hidden_size], ov.Type.f32, name="states")
        mask = ops.parameter([-1, -1], ov.Type.f32, name="mask")
        padding = ops.multiply(ops.subtract(np.float32(1), mask), _MASKED)
        padding = ops.unsqueeze(padding, _ints(1, 2))
        states = self._layer_norm(states, "embeddings.LayerNorm")
        for number in range(self.config.num_hidden_layers):
            prefix = f"encoder.layer.{number}."
            states = self._attention(states, padding, prefix + "attention.")
            states = self._feed_forward(states, prefix)
        # The length of the sum doesn't matter before the normalisation, so the mean needs no division.
        total = ops.squeeze(ops.matmul(ops.unsqueeze(mask, _ints(1)), states, False, False), _ints(1))
        text, tokens = (
            ops.normalize_l2(x, _ints(axis), 1e-24, "add") for x, axis in ((total, 1), (states, 2))
        )
        return ov.Model([text, tokens], [inputs, mask], "bert")

    def _attention(self, states: Node, padding: Node, prefix: str) -> Node:
        query, key, value = (self._heads(states, f"{prefix}self.{x}") for x in ("query", "key", "value"))
        scale = np.float32((self.config.hidden_size // self.config.num_attention_heads) ** -0.5)
        scores = ops.multiply(ops.matmul(query, key, False, True), scale)
        mixed = ops.matmul(ops.softmax(ops.add(scores, padding), -1), value, False, False)
        merged = ops.reshape(ops.transpose(mixed, _ints(0, 2, 1, 3)), _ints(0, 0, -1), True)
        output = self._linear(merged, prefix + "output.dense")
        return self._layer_norm(ops.add(output, states), prefix + "output.LayerNorm")

    def _heads(self, states: Node, name: str) -> Node:
        split = ops.reshape(
            self._linear(states, name), _ints(0, 0, self.config.num_attention_heads, -1), True
        )
        return ops.transpose(split, _ints(0, 2, 1, 3))

    def _feed_forward(self, states: Node, prefix: str) -> Node:
        inner = ops.gelu(self._linear(states, prefix + "intermediate.dense"), "erf")
        output = self._linear(inner, prefix + "output.dense")
        return self._layer_norm(ops.add(output, states), prefix + "output.LayerNorm")

    def _linear(self, states: Node, name: str) -> Node:
        product = ops.matmul(states, self._constant(name + ".weight"), False, True)
        return ops.add(product, self._constant(name + ".bias"))

    def _layer_norm(self, states: Node, name: str) -> Node:
        scaled = ops.mvn(states, _ints(-1), True, self.config.layer_norm_eps, "inside_sqrt")
        scaled = ops.multiply(scaled, self._constant(name + ".weight"))
        return ops.add(scaled, self._constant(name + ".bias"))

    def _constant(self, name: str) -> Node:
        return ops.constant(self.weights[name], shared_memory=True)


def _unit(vectors: Node, axis: int) -> Node:
    return ops.normalize_l2(vectors, _ints(axis), 1e-24, "add")


def _ints(*values: int) -> Node:
    return ops.constant(np.array(values, np.int64))
