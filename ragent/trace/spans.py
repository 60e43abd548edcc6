"""Spans: what was done, from when to when, within what, and how it ended.

A span belongs to the one that was open when it began: the current one is a context variable. Where none is
open, nobody records, and a span costs next to nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Protocol, Self

from ragent.types import Usage

Attribute = str | bool | int | float | tuple[str, ...]
Attributes = Mapping[str, Attribute]

Kind = Literal[
    "ask",
    "search",
    "ingest",
    "agent",
    "step",
    "tool",
    "chat",
    "score",
    "embeddings",
    "retrieval",
    "prompt",
    "generate",
    "check",
    "case",
    "other",
]

ERROR = "error.type"
RUN = "ragent.run.id"
CANCELLED = "ragent.cancelled"

_NAMES_OF_TEXTS = {
    "query": "gen_ai.retrieval.query.text",
    "input": "gen_ai.input.messages",
    "output": "gen_ai.output.messages",
    "arguments": "gen_ai.tool.call.arguments",
    "result": "gen_ai.tool.call.result",
}


@dataclass(frozen=True, slots=True)
class SpanRecord:
    """A span as it is kept.

    Attributes:
        trace_id: 32 hexadecimal digits, the same for all spans of a trace.
        span_id: 16 of them.
        parent_id: of the span that this one is a part of; None for the root.
        name: as OpenTelemetry has it, "chat smollm2" say.
        kind: what ragent did.
        started_ns: Unix time in nanoseconds.
        duration_ns: None while it runs, and for ever if the process died.
        attributes: by the names of OpenTelemetry (`gen_ai.*`, `error.type`), ours as `ragent.*`.
        content: texts of prompts, documents and answers; empty unless `[trace] content` is on.
    """

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: str
    started_ns: int
    duration_ns: int | None
    attributes: Attributes
    content: Mapping[str, str] = field(default_factory=dict)

    @property
    def error(self) -> str:
        """The class of the error that ended it, or ""."""
        return str(self.attributes.get(ERROR, ""))

    @property
    def run(self) -> str:
        """The id of the agent's run that it is, or ""."""
        return str(self.attributes.get(RUN, ""))


class Span(Protocol):
    """What `span` gives: open as long as its `with` block runs."""

    @property
    def recorded(self) -> bool:
        """Whether anybody records: what only a trace needs must not be computed otherwise."""

    @property
    def trace_id(self) -> str:
        """Of the trace that it is a part of; "" where nobody records."""

    def set(self, attributes: Attributes) -> None:
        """Note attributes. No text of a prompt, a document or an answer may be one: see `text`."""

    def text(self, name: str, text: str) -> None:
        """Note the size and hash of a text, and the text itself only where `[trace] content` is on."""

    def usage(self, usage: Usage) -> None:
        """Note the tokens that a model read and wrote."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Recording:
    """Where a trace goes, and whether texts go with it."""

    record: Callable[[SpanRecord], None]
    content: bool = False


class _Unrecorded:
    """Stands in where nobody records."""

    __slots__ = ()
    recorded = False
    trace_id = ""

    def set(self, attributes: Attributes) -> None:
        """Nothing."""

    def text(self, name: str, text: str) -> None:
        """Nothing."""

    def usage(self, usage: Usage) -> None:
        """Nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


UNRECORDED: Span = _Unrecorded()


class _Live:
    """An open span. Its root is also recorded when it begins, so that a process that dies leaves a trace."""

    __slots__ = (
        "_attributes",
        "_began",
        "_content",
        "_kind",
        "_name",
        "_parent_id",
        "_recording",
        "_span_id",
        "_started_ns",
        "_token",
        "_trace_id",
    )
    recorded = True

    def __init__(
        self, recording: Recording, parent: _Live | None, name: str, kind: Kind, attributes: Attributes
    ) -> None:
        self._recording = recording
        self._trace_id: str = parent._trace_id if parent else os.urandom(16).hex()
        self._span_id: str = os.urandom(8).hex()
        self._parent_id: str | None = parent._span_id if parent else None
        self._name, self._kind = name, kind
        self._attributes = dict(attributes)
        self._content: dict[str, str] = {}
        self._token: Token[_Live | None] | None = None

    @property
    def trace_id(self) -> str:
        return self._trace_id

    def child(self, name: str, kind: Kind, attributes: Attributes) -> _Live:
        return _Live(self._recording, self, name, kind, attributes)

    def set(self, attributes: Attributes) -> None:
        """Note attributes."""
        self._attributes.update(attributes)

    def text(self, name: str, text: str) -> None:
        """Note a text's size and hash, and itself where that was asked for."""
        import xxhash

        self._attributes[f"ragent.{name}.chars"] = len(text)
        self._attributes[f"ragent.{name}.hash"] = xxhash.xxh3_64_hexdigest(text.encode("utf-8", "replace"))
        if self._recording.content:
            self._content[_NAMES_OF_TEXTS.get(name, f"ragent.{name}")] = text

    def usage(self, usage: Usage) -> None:
        """Note tokens."""
        self._attributes["gen_ai.usage.input_tokens"] = usage.prompt_tokens
        self._attributes["gen_ai.usage.output_tokens"] = usage.completion_tokens
        if usage.reused_tokens:
            self._attributes["gen_ai.usage.cache_read.input_tokens"] = usage.reused_tokens

    def __enter__(self) -> Self:
        self._started_ns, self._began = time.time_ns(), time.perf_counter_ns()
        self._token = _CURRENT.set(self)
        if self._parent_id is None:
            self._recording.record(self._as_record(None))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token:
            _CURRENT.reset(self._token)
        if kind is GeneratorExit:
            self._attributes[CANCELLED] = True
        elif kind is not None:
            self._attributes[ERROR] = kind.__name__
        self._recording.record(self._as_record(time.perf_counter_ns() - self._began))

    def _as_record(self, duration_ns: int | None) -> SpanRecord:
        return SpanRecord(
            self._trace_id,
            self._span_id,
            self._parent_id,
            self._name,
            self._kind,
            self._started_ns,
            duration_ns,
            dict(self._attributes),
            dict(self._content),
        )


_CURRENT: ContextVar[_Live | None] = ContextVar("ragent_span", default=None)
_NONE: Attributes = {}


def span(name: str, kind: Kind = "other", attributes: Attributes = _NONE) -> Span:
    """A part of the span that is open here; where none is, nothing is recorded.

    ::

        with span("rerank", attributes={"ragent.hits": 50}) as s:
            ...
            s.set({"ragent.kept": 10})
    """
    current = _CURRENT.get()
    return current.child(name, kind, attributes) if current else UNRECORDED


def open_span(recording: Recording, name: str, kind: Kind, attributes: Attributes = _NONE) -> Span:
    """Like `span`; where none is open, it is the root of a new trace."""
    current = _CURRENT.get()
    return (
        current.child(name, kind, attributes) if current else _Live(recording, None, name, kind, attributes)
    )


def recording() -> bool:
    """Whether a span is open here."""
    return _CURRENT.get() is not None
