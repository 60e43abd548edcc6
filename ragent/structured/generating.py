"""Generates values that have the form that was asked for: constrained, then checked, then tried again."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic_core import from_json

from ragent.errors import LLMError, MalformedOutput
from ragent.protocols import LLM
from ragent.structured.constraining import FormConstraint, constrain
from ragent.structured.forms import Target, target_of
from ragent.structured.tracking import Tracker
from ragent.structured.validating import problem_of
from ragent.types import Delta, Message, Sampling, Usage

_LOG = logging.getLogger("ragent.structured")
_RETRY_TEMPERATURE = 0.7
_SHOWN_SCHEMA_SHARE = 4


@dataclass(frozen=True, slots=True)
class Structured:
    """What `generate` gives.

    Attributes:
        value: Of the type that was asked for; plain JSON values for a schema, a string for other forms.
        text: As the model wrote it.
        warnings: Parts of the schema that weren't enforced while the model wrote, but checked afterwards.
        closed: Whether the token limit, or a bound on what the schema leaves open, ended a part of it before
            the model would have.
        attempts: How often the model was asked.
        usage: Of all attempts together.
    """

    value: Any
    text: str
    warnings: tuple[str, ...]
    closed: bool
    attempts: int
    usage: Usage


@dataclass(frozen=True, slots=True)
class Partial:
    """What there is of a value that is being generated; a new `attempt` starts from nothing.

    `value` holds what is complete: a string appears when its closing quote does. None before the first.
    """

    value: Any
    text: str
    attempt: int


def generate(
    llm: LLM,
    prompt: str | Sequence[Message],
    wanted: Any,
    *,
    sampling: Sampling | None = None,
    attempts: int = 3,
) -> Structured:
    """Have a model write a value of a given form.

    Args:
        llm: the model.
        prompt: what to say to it; a schema is shown to it with a plain text, not with messages.
        wanted: see `target_of`.
        sampling: `max_tokens` bounds the value: near it, what is open is closed the shortest way.
        attempts: how often to ask, at most; again with another seed and more chance.

    Raises:
        SchemaError: the form can't be enforced.
        MalformedOutput: no attempt gave a value of that form (a token limit too small for any, or a part of
            the schema that could only be checked afterwards).
        LLMError: the model failed.
    """
    *_, last = stream(llm, prompt, wanted, sampling=sampling, attempts=attempts)
    if not isinstance(last, Structured):
        raise LLMError("the stream ended without a value")
    return last


def stream(
    llm: LLM,
    prompt: str | Sequence[Message],
    wanted: Any,
    *,
    sampling: Sampling | None = None,
    attempts: int = 3,
) -> Iterator[Partial | Structured]:
    """Like `generate`, giving what is complete of the value as it grows; the Structured comes last.

    Raises as `generate` does; SchemaError at once.
    """
    sampling = sampling or Sampling()
    target = target_of(wanted)
    constraint = constrain(target, penalty=sampling.repeat_penalty)
    for warning in constraint.warnings:
        _LOG.info("not enforced while generating, but checked afterwards: %s", warning)
    messages = _messages(llm, prompt, target) if isinstance(prompt, str) else tuple(prompt)
    # The constraint has a penalty of its own, which spares brackets, quotes and digits.
    return _Run(llm, messages, target, constraint, replace(sampling, repeat_penalty=1.0)).run(attempts)


@dataclass(slots=True)
class _Run:
    llm: LLM
    messages: tuple[Message, ...]
    target: Target
    constraint: FormConstraint
    sampling: Sampling
    usage: Usage = field(default_factory=Usage)
    text: str = ""
    cut: bool = False

    def run(self, attempts: int) -> Iterator[Partial | Structured]:
        problem = ""
        for attempt in range(1, attempts + 1):
            yield from self._write(attempt)
            try:
                value = self._value()
            except ValueError as error:
                problem = str(error)
                _LOG.info("attempt %d: %s", attempt, problem)
                if self.cut and isinstance(error, json.JSONDecodeError):
                    break  # cut off: so would the next be
                continue
            warnings = self.constraint.warnings
            yield Structured(value, self.text, warnings, self.cut, attempt, self.usage)
            return
        limit = f" within {self.sampling.max_tokens} tokens" if self.cut else ""
        raise MalformedOutput(
            f"the model's output doesn't have the form asked for{limit}: {problem}",
            text=self.text,
            hint="allow more tokens" if self.cut else "allow more attempts, or use a larger model",
        )

    def _write(self, attempt: int) -> Iterator[Partial]:
        self.text, self.cut = "", False
        shown: Any = None
        tracker = Tracker()
        for delta in self.llm.stream(self.messages, self._sampling(attempt), self.constraint):
            self.text += delta.text
            self._count(delta)
            tracker.feed(delta.text.encode())
            value = self._so_far(tracker)
            if value != shown:
                shown = value
                yield Partial(value, self.text, attempt)

    def _sampling(self, attempt: int) -> Sampling:
        if attempt == 1:
            return self.sampling
        temperature = max(self.sampling.temperature, _RETRY_TEMPERATURE)
        return replace(self.sampling, temperature=temperature, seed=self.sampling.seed + attempt - 1)

    def _so_far(self, tracker: Tracker) -> Any:
        if self.target.schema is None:
            return self.text
        try:
            # A number may have more digits to come.
            return from_json(self.text[: len(self.text) - tracker.number], allow_partial=True)
        except ValueError:
            return None

    def _count(self, delta: Delta) -> None:
        if delta.usage:
            new, old = delta.usage, self.usage
            self.usage = Usage(
                old.prompt_tokens + new.prompt_tokens,
                old.completion_tokens + new.completion_tokens,
                old.reused_tokens + new.reused_tokens,
                old.drafted_tokens + new.drafted_tokens,
                old.accepted_tokens + new.accepted_tokens,
            )
        if delta.finish_reason:
            self.cut = delta.finish_reason == "length"

    def _value(self) -> Any:
        """Read and check what was written. Raises ValueError if it isn't what was asked for."""
        if self.target.schema is None:
            if not self.constraint.accepts(self.text):
                raise ValueError("it is not complete")
            return self.target.read(self.text)
        value = json.loads(self.text)
        if problem := problem_of(self.target.schema, value):
            raise ValueError(problem)
        return self.target.read(self.text)


def _messages(llm: LLM, prompt: str, target: Target) -> tuple[Message, ...]:
    """The prompt, and before it the schema, unless that would take up too much of the context."""
    asked = Message("user", prompt)
    if target.schema is None:
        return (asked,)
    shown = (Message("system", f"Reply with JSON that fits this JSON Schema:\n{target.form.text}"), asked)
    return shown if llm.count_prompt(shown) <= llm.context_tokens // _SHOWN_SCHEMA_SHARE else (asked,)
