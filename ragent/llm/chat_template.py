"""Turns messages into the text a chat model was trained on, by the template in its GGUF metadata.

That template is code from a stranger's file: see `rendering`. The messages are data: text in them that spells
one of the model's control tokens is broken up first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ragent.errors import LLMError
from ragent.llm.rendering import Refused, Renderer, renderer
from ragent.types import Message

_LONGEST_TEMPLATE = 100_000


class ChatTemplate:
    """A model's chat template, checked and compiled once."""

    def __init__(
        self, source: str, *, bos: str = "", eos: str = "", control_tokens: Iterable[str] = ()
    ) -> None:
        """Compile a template.

        Raises:
            LLMError: there is no template, or it isn't valid.
        """
        self._plain = control_token_breaker(control_tokens)
        self._template = _compile(source, {"bos_token": bos, "eos_token": eos, "add_generation_prompt": True})

    def render(self, messages: Sequence[Message]) -> str:
        """The prompt, ready for the assistant's turn.

        A template that refuses a system message gets it as the beginning of the first user message.

        Raises:
            LLMError: the template fails on these messages, or does what the sandbox forbids.
        """
        turns = [Message(message.role, self._plain(message.content)) for message in messages]
        try:
            return self._render(turns)
        except Refused as refusal:
            if len(turns) < 2 or turns[0].role != "system" or turns[1].role != "user":
                raise LLMError(f"the model's chat template refuses these messages: {refusal}") from None
        merged = Message("user", f"{turns[0].content}\n\n{turns[1].content}")
        try:
            return self._render([merged, *turns[2:]])
        except Refused as refusal:
            raise LLMError(f"the model's chat template refuses these messages: {refusal}") from None

    def _render(self, turns: Sequence[Message]) -> str:
        messages = [{"role": turn.role, "content": turn.content} for turn in turns]
        try:
            return self._template(messages)
        except Refused:
            raise
        except Exception as error:  # a template can raise anything: it is foreign code
            raise LLMError(f"the model's chat template fails: {error}", hint=_OTHER_FILE) from error


def control_token_breaker(tokens: Iterable[str]) -> Callable[[str], str]:
    """A function that puts a space after the first character of every control token in a text."""
    longest_first = sorted({token for token in tokens if len(token) > 1}, key=len, reverse=True)
    if not longest_first:
        return str
    pattern = re.compile("|".join(map(re.escape, longest_first)))
    return lambda text: pattern.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)


_OTHER_FILE = "the model file is at fault: try another conversion of the model"


def _compile(source: str, values: Mapping[str, Any]) -> Renderer:
    if not source:
        raise LLMError(
            "the model file holds no chat template", hint="use an instruct or chat version of the model"
        )
    if len(source) > _LONGEST_TEMPLATE:
        raise LLMError(f"the model's chat template is {len(source)} characters long", hint=_OTHER_FILE)
    try:
        return renderer(source, values)
    except Exception as error:  # a template can break the compiler in any way: it is foreign code
        raise LLMError(f"the model's chat template is not valid: {error}", hint=_OTHER_FILE) from error
