"""Tool calling in OpenAI's protocol: what is sent, and what comes back piece by piece.

Source: OpenAI's API reference, "Create chat completion" (`tools`, `tool_choice`, `tool_calls`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel

from ragent.errors import ServerError
from ragent.types import Exchange, Message, Tool, Wish

_NO_TOOLS = re.compile(r"\btools?\b|tool[-_ ](choice|call)|--jinja", re.IGNORECASE)
_REFUSED = (400, 404, 422, 500, 501)


def tool_fields(
    messages: Sequence[Message], exchanges: Sequence[Exchange], tools: Sequence[Tool]
) -> dict[str, Any]:
    """The part of a request that is about what was said, called and answered, and what can be called."""
    said: list[dict[str, Any]] = [{"role": message.role, "content": message.content} for message in messages]
    for number, exchange in enumerate(exchanges):
        said += _spoken(number, exchange)
    if not tools:
        return {"messages": said}
    offered = [
        {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
        for tool in tools
    ]
    functions = [{"type": "function", "function": function} for function in offered]
    return {"messages": said, "tools": functions, "tool_choice": "auto"}


def is_lack_of_tools(error: ServerError) -> bool:
    """Whether a server refuses because it, or this model on it, doesn't call tools."""
    return error.status in _REFUSED and bool(_NO_TOOLS.search(error.message))


class _Function(BaseModel):
    name: str | None = None
    arguments: str | None = None


class CallPiece(BaseModel):
    """A piece of one of the calls that a streamed turn makes."""

    index: int = 0
    function: _Function = _Function()


def joined(pieces: Iterable[CallPiece]) -> tuple[Wish, ...]:
    """The calls that were told in pieces."""
    names: dict[int, str] = {}
    arguments: dict[int, str] = {}
    for piece in pieces:
        at, function = piece.index, piece.function
        names[at] = names.get(at, "") or (function.name or "")
        arguments[at] = arguments.get(at, "") + (function.arguments or "")
    return tuple(Wish(names[at], arguments[at]) for at in sorted(names))


def _spoken(number: int, exchange: Exchange) -> list[dict[str, Any]]:
    ids = [f"call_{number}_{place}" for place in range(len(exchange.calls))]
    spoken: dict[str, Any] = {"role": "assistant", "content": exchange.text}
    if not exchange.calls:
        return [spoken, *({"role": "user", "content": result} for result in exchange.results)]
    spoken["tool_calls"] = [
        {"id": id_, "type": "function", "function": {"name": wish.name, "arguments": wish.arguments}}
        for id_, wish in zip(ids, exchange.calls, strict=True)
    ]
    told = [
        {"role": "tool", "tool_call_id": id_, "content": result}
        for id_, result in zip(ids, exchange.results, strict=True)
    ]
    return [spoken, *told]
