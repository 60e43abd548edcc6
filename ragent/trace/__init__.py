"""Traces: each question, search, model call and tool call as a span, by the names of OpenTelemetry."""

from ragent.trace.context import carried, within
from ragent.trace.genai import agent_step, chat, embeddings, execute_tool, invoke_agent, score
from ragent.trace.spans import Attributes, Span, SpanRecord, span
from ragent.trace.tracer import Outlet, Sink, Tracer

__all__ = [
    "Attributes",
    "Outlet",
    "Sink",
    "Span",
    "SpanRecord",
    "Tracer",
    "agent_step",
    "carried",
    "chat",
    "embeddings",
    "execute_tool",
    "invoke_agent",
    "score",
    "span",
    "within",
]
