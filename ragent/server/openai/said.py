"""What is said in a chat request: messages, calls of tools and what came of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from ragent.server.errors import Refused
from ragent.types import Exchange, Message, Wish

_TEXT_PART = {
    "type": "object",
    "properties": {"type": {"const": "text"}, "text": {"type": "string"}},
    "required": ["type", "text"],
}


def _text_of(content: Any) -> Any:
    if not isinstance(content, list):
        return content
    texts = []
    for part in content:
        if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
            raise ValueError("only parts of the type text are read here")
        texts.append(part["text"])
    return "\n".join(texts)


Content = Annotated[
    str | None,
    BeforeValidator(_text_of),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": _TEXT_PART}, {"type": "null"}]}),
]


class Function(BaseModel):
    """A call's function; `arguments` is JSON as the model wrote it."""

    name: str
    arguments: str


class ToolCall(BaseModel):
    """A call that a model asked for."""

    id: str
    type: Literal["function"] = "function"
    function: Function


class Said(BaseModel):
    """A message. What clients send back of an answer beside these fields is of no use here."""

    model_config = ConfigDict(extra="ignore")
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Content = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None


Messages = Annotated[list[Said], Field(min_length=1, max_length=2000)]


def text_in(said: Said, place: int) -> str:
    """The content. Raises Refused where there is none, and there has to be."""
    if said.content is None and not said.tool_calls:
        raise Refused(f"messages.{place}.content: a text is needed", param=f"messages.{place}.content")
    return said.content or ""


def conversation(messages: list[Said]) -> list[Message]:
    """Messages without tools. System messages are put together at the beginning.

    Raises Refused where tools were called, or a text is missing.
    """
    system: list[str] = []
    turns: list[Message] = []
    for place, said in enumerate(messages):
        if said.role == "tool" or said.tool_calls:
            raise Refused(
                "calls of tools are understood by the plain model alone",
                param=f"messages.{place}",
                hint="GET /v1/models says what it is called",
            )
        text = text_in(said, place)
        if said.role in {"system", "developer"}:
            system.append(text)
        else:
            append(turns, Message("assistant" if said.role == "assistant" else "user", text))
    return [*([Message("system", "\n\n".join(system))] if system else []), *turns]


def append(said: list[Message], message: Message) -> None:
    """Add a message; one of the same role is continued, since models' templates want roles to take turns."""
    if said and said[-1].role == message.role:
        said[-1] = Message(message.role, f"{said[-1].content}\n{message.content}")
    else:
        said.append(message)


def exchanged(messages: list[Said]) -> tuple[list[Message], list[Exchange]]:
    """Messages up to the first call of a tool, and what was said, called and answered from there on.

    Raises Refused where a result belongs to no call, or a call has no result.
    """
    first = next((place for place, said in enumerate(messages) if said.tool_calls), len(messages))
    before = conversation(messages[:first])
    exchanges: list[Exchange] = []
    place = first
    while place < len(messages):
        said = messages[place]
        if said.role == "assistant":
            calls = said.tool_calls or []
            after = messages[place + 1 :]
            results = _results(calls, after, place) if calls else _next_words(after)
            wishes = tuple(Wish(call.function.name, call.function.arguments) for call in calls)
            exchanges.append(Exchange(said.content or "", wishes, results))
            place += 1 + len(results)
        elif said.role == "tool":
            raise _stray(place)
        else:
            exchanges.append(Exchange("", (), (text_in(said, place),)))
            place += 1
    return before, exchanges


def _results(calls: list[ToolCall], after: list[Said], place: int) -> tuple[str, ...]:
    told = {said.tool_call_id: said.content or "" for said in after[: len(calls)] if said.role == "tool"}
    missing = [call.id for call in calls if call.id not in told]
    if missing:
        raise Refused(
            f"messages.{place}: the call {missing[0]!r} has no message of the role tool after it",
            param=f"messages.{place}.tool_calls",
        )
    return tuple(told[call.id] for call in calls)


def _next_words(after: list[Said]) -> tuple[str, ...]:
    return (after[0].content or "",) if after and after[0].role in {"user", "system", "developer"} else ()


def _stray(place: int) -> Refused:
    return Refused(
        f"messages.{place}: this result belongs to no call of the message before it",
        param=f"messages.{place}.tool_call_id",
    )
