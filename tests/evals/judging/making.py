"""Fakes for judges: a model whose likelihoods are a function of what it read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ragent.protocols import Constraint
from ragent.types import Delta, Message, Sampling

Think = Callable[[str, str], float]
"""ln p of a continuation (second) after the last message (first)."""


@dataclass
class Thinker:
    """Scores by `think`; writes what `says` says of the last message."""

    think: Think = lambda _prompt, _text: 0.0
    says: Callable[[str], str] = lambda _prompt: ""
    name: str = "thinker"
    context_tokens: int = 1000
    scoring_tokens: int = 1000
    read: list[str] = field(default_factory=list)

    def count_prompt(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content.split()) for message in messages)

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def offsets(self, text: str) -> list[tuple[int, int]]:
        raise AssertionError("a judge has no use for offsets")

    def log_likelihoods(
        self, messages: Sequence[Message], continuations: Sequence[str], begun: str = ""
    ) -> list[float]:
        self.read.append(messages[-1].content)
        return [self.think(messages[-1].content, text) for text in continuations]

    def stream(
        self, messages: Sequence[Message], sampling: Sampling, constraint: Constraint | None = None
    ) -> Iterator[Delta]:
        self.read.append(messages[-1].content)
        yield Delta(self.says(messages[-1].content), "stop")
