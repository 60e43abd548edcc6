"""A model that says what a test has written down, and counts words as tokens."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ragent.protocols import Constraint
from ragent.structured import FormConstraint
from ragent.types import Delta, Message, Sampling, Usage

Said = str | Exception | Callable[[Sequence[Message]], str]


def call(tool: str, thought: str = "", /, **arguments: Any) -> str:
    """A step that calls a tool."""
    return json.dumps(
        {"thought": thought, "action": {"tool": tool, "arguments": arguments}}, ensure_ascii=False
    )


def calls(*asked: tuple[str, dict[str, Any]], thought: str = "") -> str:
    """A step that calls several at once."""
    action = [{"tool": tool, "arguments": arguments} for tool, arguments in asked]
    return json.dumps({"thought": thought, "action": action}, ensure_ascii=False)


def answer(value: Any, thought: str = "") -> str:
    """A step that answers."""
    return json.dumps({"thought": thought, "action": {"answer": value}}, ensure_ascii=False)


@dataclass
class Scripted:
    """Says `script` in turn, the last again and again.

    `allowed` notes, for each, whether the constraint allowed it: whether a model under it could say so.
    """

    script: Sequence[Said]
    context_tokens: int = 8000
    name: str = "scripted"
    heard: list[tuple[Message, ...]] = field(default_factory=list)
    samplings: list[Sampling] = field(default_factory=list)
    allowed: list[bool] = field(default_factory=list)

    def count_prompt(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content.split()) for message in messages)

    def stream(
        self, messages: Sequence[Message], sampling: Sampling, constraint: Constraint | None = None
    ) -> Iterator[Delta]:
        said = self.script[min(len(self.heard), len(self.script) - 1)]
        self.heard.append(tuple(messages))
        self.samplings.append(sampling)
        if isinstance(said, Exception):
            raise said
        text = said if isinstance(said, str) else said(messages)
        if isinstance(constraint, FormConstraint) and len(text) < 5000 and text.isprintable():
            self.allowed.append(constraint.accepts(text))
        yield Delta(text)
        yield Delta("", "stop", Usage(self.count_prompt(messages), len(text.split())))
