"""Spans of models, tools and agents, named as OpenTelemetry names them.

Source: the semantic conventions for generative AI, in development; the names are those of
opentelemetry-semantic-conventions 0.66b2 (`chat`, `embeddings`, `execute_tool`, `invoke_agent`, `retrieval`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ragent.trace.context import within
from ragent.trace.spans import RUN, Attributes, Span, recording, span
from ragent.trace.tracer import Tracer
from ragent.types import Delta, Message, Sampling

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
MODEL = "gen_ai.request.model"
AGENT = "gen_ai.agent.name"
TOOL = "gen_ai.tool.name"

_NOWHERE = Tracer()


def invoke_agent(name: str, *, tracer: Tracer | None = None, run: str = "", model: str = "") -> Span:
    """One run of an agent, from its task to its output: the root of a trace, or a part of another's run.

    ::

        with invoke_agent("agent", tracer=self.tracer, run=run.id, model=llm.name) as s:
            s.text("task", task)
            ...
            s.usage(run.usage)
            s.set({"ragent.stop_reason": run.stop_reason, "ragent.steps": len(run.steps)})

    Around a generator's `yield`, wrap the generator in `ragent.trace.within`. Threads that run tools beside
    each other need `ragent.trace.carried(function)`.

    Args:
        name: the agent's.
        tracer: `rag.tracer`; None: only recorded inside another trace.
        run: the run's id, by which `ragent logs RUN` finds it. A run that is resumed has a trace each time.
        model: the language model's name.
    """
    attributes = {OPERATION: "invoke_agent", AGENT: name}
    attributes |= {RUN: run} if run else {}
    attributes |= {MODEL: model} if model else {}
    return (tracer or _NOWHERE).span(f"invoke_agent {name}", "agent", attributes)


def agent_step(number: int) -> Span:
    """One step of a run: the model's call and the tools'. `number` counts from 1."""
    return span(f"step {number}", "step", {"ragent.step": number})


def execute_tool(name: str, arguments: Mapping[str, Any], *, call_id: str = "") -> Span:
    """One call of a tool.

    ::

        with execute_tool(call.tool, call.arguments) as s:
            result = tool.run(**call.arguments)
            s.text("result", result.text)
            s.set({"ragent.tainted": result.tainted})

    An error that leaves the block is noted by its class. One that becomes an observation doesn't leave it:
    `s.set({"error.type": type(error).__name__})`.
    """
    made = span(f"execute_tool {name}", "tool", {OPERATION: "execute_tool", TOOL: name})
    if made.recorded:
        made.set({"gen_ai.tool.type": "function"} | ({"gen_ai.tool.call.id": call_id} if call_id else {}))
        made.text("arguments", json.dumps(arguments, ensure_ascii=False, default=str))
    return made


def embeddings(model: str, texts: int) -> Span:
    """The embedding of some texts."""
    attributes: Attributes = {OPERATION: "embeddings", MODEL: model, "ragent.texts": texts}
    return span(f"embeddings {model}", "embeddings", attributes)


def score(provider: str, model: str, continuations: int) -> Span:
    """A language model says how likely it finds texts; it writes nothing."""
    attributes: Attributes = {
        OPERATION: "score",
        PROVIDER: provider,
        MODEL: model,
        "ragent.continuations": continuations,
    }
    return span(f"score {model}", "score", attributes)


def chat(
    about: Attributes,
    messages: Sequence[Message],
    sampling: Sampling,
    stream: Callable[[], Iterator[Delta]],
) -> Iterator[Delta]:
    """What `stream` gives, as a span: the model's call, with tokens and the time to the first piece.

    Args:
        about: attributes; `gen_ai.provider.name` and `gen_ai.request.model`, say.
        messages: what the model reads.
        sampling: how it writes.
        stream: begins to generate. Called at once, so that what it raises then is raised here.
    """
    if not recording():
        return stream()
    attributes = {OPERATION: "chat", "gen_ai.request.temperature": sampling.temperature, **about}
    if sampling.max_tokens:
        attributes["gen_ai.request.max_tokens"] = sampling.max_tokens
    call = span(f"chat {about.get(MODEL, '')}".strip(), "chat", attributes)
    try:
        deltas = stream()
    except BaseException:
        with call:
            raise
    return within(_noting(call, messages, deltas))


def _noting(call: Span, messages: Sequence[Message], deltas: Iterator[Delta]) -> Iterator[Delta]:
    with call:
        call.text("input", _messages(messages))
        began = time.perf_counter()
        written: list[str] = []
        for delta in deltas:
            if delta.text and not written:
                call.set({"gen_ai.response.time_to_first_chunk": time.perf_counter() - began})
            written.append(delta.text)
            if delta.usage:
                call.usage(delta.usage)
            if delta.finish_reason:
                call.set({"gen_ai.response.finish_reasons": (delta.finish_reason,)})
            yield delta
        call.text("output", _messages([Message("assistant", "".join(written))]))


def _messages(messages: Sequence[Message]) -> str:
    """As the conventions have them: JSON of roles and parts."""
    parts = [
        {"role": message.role, "parts": [{"type": "text", "content": message.content}]}
        for message in messages
    ]
    return json.dumps(parts, ensure_ascii=False)
