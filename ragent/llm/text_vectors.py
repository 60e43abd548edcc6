"""Vectors of texts from a chat model's hidden states, where no embedder is at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from ragent.errors import ContextOverflow, LLMError
from ragent.llm.native import Context, Model, Row, Shape

# llama.cpp also computes what may follow each token, which takes memory.
_BATCH = 64


class TextVectors:
    """A context of its own over a loaded model, which gives the mean of the last hidden states of a text."""

    def __init__(self, model: Model, shape: Shape) -> None:
        """Make room for texts of `shape.cells` tokens. Raises LLMError when there is none."""
        self._size = model.size
        self._cells = shape.cells
        self._context = Context(model, replace(shape, sequences=1, batch=_BATCH))
        self._context.embed()
        self._turn = Lock()

    def vector(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """Unit length, shape (size,).

        Raises:
            ContextOverflow: there are too many tokens.
            ValueError: there are none.
            LLMError: the engine fails.
        """
        if not tokens:
            raise ValueError("the text is empty")
        if len(tokens) > self._cells:
            raise ContextOverflow(
                f"the text has {len(tokens)} tokens; the context is {self._cells}", hint="embed shorter texts"
            )
        total = np.zeros(self._size)
        with self._turn:
            self._context.cut(0, 0)
            for start in range(0, len(tokens), _BATCH):
                part = tokens[start : start + _BATCH]
                rows = [Row(token, start + n, 0, True) for n, token in enumerate(part)]
                if code := self._context.decode(rows):
                    raise LLMError(f"llama.cpp failed with code {code}", hint="embed shorter texts")
                for n in range(len(rows)):
                    total += self._context.embedding(n)
        return (total / np.linalg.norm(total)).astype(np.float32)
