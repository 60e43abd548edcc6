"""One output while it is written: what may come next, what came, and why it ended."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Literal

from ragent.llm.native import Model
from ragent.llm.sampler import Sampler
from ragent.llm.stops import StopFilter
from ragent.protocols import Decoding, Foreseeing, Logits
from ragent.types import Sampling

Finish = Literal["stop", "length"]


class Writing:
    """Picks the tokens of one output under its constraint, if it has one, and turns them into text."""

    def __init__(self, model: Model, sampling: Sampling, decoding: Decoding | None, limit: int) -> None:
        """`limit`: the most tokens."""
        self._model = model
        self._sampler = Sampler(sampling, model)
        self._decoding = decoding
        self._foreseeing = decoding if isinstance(decoding, Foreseeing) else None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stops = StopFilter(sampling.stop)
        self.limit = limit
        self.produced = 0
        self.finish: Finish | None = None

    @property
    def left(self) -> int:
        """How many tokens may still come."""
        return self.limit - self.produced

    def forced(self) -> list[int]:
        """What the constraint, as far as it can tell, leaves no choice about; perhaps nothing."""
        return self._foreseeing.forced() if self._foreseeing else []

    def fitting(self, tokens: Sequence[int]) -> int:
        """How many of these, from the first on, the constraint might allow."""
        return self._foreseeing.fitting(tokens) if self._foreseeing and tokens else len(tokens)

    def pick(self, logits: Logits) -> int:
        """The next token; `logits` may be changed. Raises SchemaError if the constraint gives up."""
        if self._decoding:
            self._decoding.restrict(logits, self.left)
        return self._sampler.pick(logits)

    def take(self, token: int) -> str:
        """The text that the token makes sure of, perhaps none. Once `finish` is set, it was the last one."""
        if self._model.ends(token):
            return self._end(self._proper_end)
        self.produced += 1
        if self._decoding:
            self._decoding.advance(token)
        text = self._stops.feed(self._decoder.decode(self._model.piece(token)))
        if self._stops.stopped:
            return text + self._end("stop")
        if self._decoding and self._decoding.done:
            return text + self._end(self._proper_end)
        return text if self.produced < self.limit else text + self._end("length")

    @property
    def _proper_end(self) -> Finish:
        return "length" if self._decoding and self._decoding.hurried else "stop"

    def _end(self, finish: Finish) -> str:
        self.finish = finish
        return self._stops.feed(self._decoder.decode(b"", final=True)) + self._stops.rest()
