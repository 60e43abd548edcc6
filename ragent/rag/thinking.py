"""The thinking style of `ask`: the model reasons first and answers then; only the answer is checked and kept.

A form holds the two apart: an object whose `reasoning` comes before its `answer` (chain of thought,
arXiv:2201.11903).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic_core import from_json

from ragent.protocols import Constraint
from ragent.rag.citing import Sources, Supported
from ragent.types import Sampling

_FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "reasoning": {"type": "string", "minLength": 1, "maxLength": 800},
        "answer": {"type": "string", "minLength": 1, "maxLength": 400},
    },
    "required": ["reasoning", "answer"],
    "additionalProperties": False,
}
_MARKER = re.compile(r"^\W*answer\W*:[\s*]*", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Thought:
    """What a model wrote, parted."""

    reasoning: str
    answer: str


class Thinking:
    """One answer with the reasoning before it."""

    def __init__(self, sampling: Sampling, sources: Sources) -> None:
        from ragent.structured import constrain, target_of

        self._sources = sources
        # The constraint has a penalty of its own, which spares brackets and quotes.
        self.sampling = replace(sampling, repeat_penalty=1.0)
        self.constraint: Constraint = constrain(target_of(_FORM), penalty=sampling.repeat_penalty)

    def show(self, text: str) -> str:
        """What a reader sees of a text that is not complete yet."""
        thought = part_thought(text)
        return f"{thought.reasoning}\n\n{thought.answer}" if thought.answer else thought.reasoning

    def read(self, text: str) -> Sequence[Supported]:
        """The sentences of the answer, each with its support."""
        return list(self._sources.check(part_thought(text).answer))


def part_thought(text: str) -> Thought:
    """Part the reasoning from the answer.

    A model that isn't held to the form may write anything: then the answer is what stands after the last
    "Answer:", or all of it.
    """
    try:
        value = from_json(text, allow_partial="trailing-strings")
    except ValueError:
        value = None
    if isinstance(value, dict):
        reasoning, answer = value.get("reasoning", ""), value.get("answer", "")
        if isinstance(reasoning, str) and isinstance(answer, str):
            return Thought(reasoning.strip(), answer.strip())
    markers = list(_MARKER.finditer(text))
    if not markers:
        return Thought("", text.strip())
    return Thought(text[: markers[-1].start()].strip(), text[markers[-1].end() :].strip())
