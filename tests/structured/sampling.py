"""A model that says anything that it is allowed to: what holds for it holds for every model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ragent.protocols import Constraint
from ragent.types import Delta, Message, Sampling, Usage, Vocabulary

WORDS = [
    '", "',
    '"]',
    '"}',
    '{"',
    '": ',
    ", ",
    "the ",
    " the",
    "null",
    "true",
    "10",
    "é",
    "name",
    '":',
    "],",
    "},",
]
PIECES = (*(bytes([byte]) for byte in range(256)), *(word.encode() for word in WORDS), b"", b"")
VOCABULARY = Vocabulary(PIECES, (len(PIECES) - 1, len(PIECES) - 2), lambda text: list(text))


@dataclass
class Babbler:
    """Samples from random logits. `likes` are pieces that it prefers, so that it can be made to loop."""

    likes: tuple[bytes, ...] = ()
    context_tokens: int = 4096
    name: str = "babbler"
    heard: list[tuple[Message, ...]] = field(default_factory=list)
    samplings: list[Sampling] = field(default_factory=list)

    def count_prompt(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content.split()) for message in messages)

    def stream(
        self, messages: Sequence[Message], sampling: Sampling, constraint: Constraint | None = None
    ) -> Iterator[Delta]:
        assert constraint is not None
        self.heard.append(tuple(messages))
        self.samplings.append(sampling)
        chance = np.random.default_rng(sampling.seed)
        decoding = constraint.start(VOCABULARY)
        limit = sampling.max_tokens or 1000
        pieces, count = b"", 0
        ended = False
        while count < limit and not decoding.done:
            logits = chance.standard_normal(len(PIECES)).astype(np.float32)
            for like in self.likes:
                logits[PIECES.index(like)] += 20
            decoding.restrict(logits, limit - count)
            token = int(logits.argmax())
            assert np.isfinite(logits[token])
            if token in VOCABULARY.end_tokens:
                ended = True
                break
            decoding.advance(token)
            count += 1
            pieces += PIECES[token]
            text = pieces.decode("utf-8", "ignore")
            yield Delta(text)
            pieces = pieces[len(text.encode()) :]
        ended = (ended or decoding.done) and not decoding.hurried
        yield Delta("", "stop" if ended else "length", Usage(self.count_prompt(messages), count, 0))
