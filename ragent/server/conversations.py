"""Conversations over documents: kept, gone on with, and taken along as files."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field
from starlette.responses import StreamingResponse

from ragent.errors import LLMError
from ragent.server.asking import Asks
from ragent.server.carrying import Gone, carried, whole
from ragent.server.errors import id_of, told
from ragent.server.searching import Question, named
from ragent.server.shapes import READ, STRICT, CollectionName, Id
from ragent.service import Session
from ragent.service.conversations import Conversation, Turn
from ragent.service.exporting import as_json, as_markdown

router = APIRouter(prefix="/conversations", tags=["conversations"])

Title = Annotated[str, Field(max_length=200)]


class ConversationBody(BaseModel):
    """What somebody talked about, over one collection."""

    model_config = READ
    id: str
    collection: str
    title: str
    created_at: datetime
    changed_at: datetime


class ConversationList(BaseModel):
    """One's conversations, the last changed first."""

    conversations: list[ConversationBody]


class TurnBody(BaseModel):
    """What was said. `details` of an answer hold its citations and figures.

    `state`: "writing", "done", "stopped" before it was whole, "failed", or "forgotten" with a document that
    was read for it.
    """

    model_config = READ
    id: str
    number: int
    role: Literal["system", "user", "assistant"]
    content: str
    state: Literal["writing", "done", "stopped", "failed", "forgotten"]
    details: dict[str, Any]
    created_at: datetime


class WholeConversation(ConversationBody):
    """A conversation with all that was said in it."""

    turns: list[TurnBody]


class NewConversation(BaseModel):
    """What to talk about."""

    model_config = STRICT
    collection: CollectionName = None
    title: Title = ""


class NewTitle(BaseModel):
    """Another title."""

    model_config = STRICT
    title: Title


class Said(Question):
    """A question that goes on with a conversation. Its collection is the conversation's."""

    collection: None = None
    stream: bool = Field(False, description="send the draft as it is written, as server-sent events")


@router.get("")
def conversations(
    session: Asks,
    words: Annotated[str, Query(max_length=200, description="anywhere in it")] = "",
    most: Annotated[int, Query(ge=1, le=500)] = 200,
) -> ConversationList:
    """One's own conversations, the last changed first."""
    found = session.conversations.all(words, most)
    return ConversationList(conversations=[ConversationBody.model_validate(one) for one in found])


@router.post("", status_code=201)
def new(wish: NewConversation, session: Asks) -> ConversationBody:
    """Begin a conversation."""
    made = session.conversations.new(named(session, wish.collection))
    if wish.title:
        session.conversations.rename(made.id, wish.title)
    return ConversationBody.model_validate(session.conversations.get(made.id))


@router.get("/{conversation_id}")
def conversation(conversation_id: Id, session: Asks) -> WholeConversation:
    """A conversation with all that was said."""
    found = session.conversations.get(conversation_id)
    turns = [TurnBody.model_validate(turn) for turn in session.conversations.turns(conversation_id)]
    return WholeConversation(**ConversationBody.model_validate(found).model_dump(), turns=turns)


@router.patch("/{conversation_id}")
def rename(conversation_id: Id, wish: NewTitle, session: Asks) -> ConversationBody:
    """Give a conversation another title."""
    session.conversations.rename(conversation_id, wish.title)
    return ConversationBody.model_validate(session.conversations.get(conversation_id))


@router.delete("/{conversation_id}", status_code=204)
def delete(conversation_id: Id, session: Asks) -> None:
    """Remove a conversation with all that was said."""
    session.conversations.delete(conversation_id)


@router.post(
    "/{conversation_id}/ask",
    responses={200: {"content": {"text/event-stream": {}}, "description": "the answer, as it is kept"}},
)
async def ask(conversation_id: Id, request: Request, said: Said, session: Asks) -> TurnBody:
    """Go on with a conversation: the answer's turn.

    With `stream`, server-sent events: `draft` with {"text"}, many times; then `turn` with the turn, or
    `error`. An answer that nobody waits for any more is kept as far as it was written.
    """
    found = await run_in_threadpool(session.conversations.get, conversation_id)
    await run_in_threadpool(session.require, found.collection, "reader")
    if said.stream:
        events = _events(request, session, found, said)
        return StreamingResponse(events, media_type="text/event-stream")  # type: ignore[return-value]
    pieces = await whole(request, _writing(session, found, said))
    turn = next((piece for piece in pieces if isinstance(piece, Turn)), None)
    if turn is None:
        raise LLMError("the answer was stopped", hint="ask again", retryable=True)
    return TurnBody.model_validate(turn)


@router.get(
    "/{conversation_id}/export",
    response_class=Response,
    responses={
        200: {"content": {"text/markdown": {}, "application/json": {}}, "description": "the conversation"}
    },
)
def export(
    conversation_id: Id, session: Asks, form: Annotated[Literal["markdown", "json"], Query()] = "markdown"
) -> Response:
    """A conversation as a file, each answer with its quotes and where they stand."""
    found = session.conversations.get(conversation_id)
    turns = session.conversations.turns(conversation_id)
    if form == "json":
        return _file(as_json(found, turns), "application/json", _named(found, "json"))
    return _file(as_markdown(found, turns), "text/markdown; charset=utf-8", _named(found, "md"))


@dataclass(frozen=True, slots=True)
class _Stop:
    is_set: Callable[[], bool]


def _writing(
    session: Session, found: Conversation, said: Said
) -> Callable[[Callable[[], bool]], Iterator[str | Turn]]:
    return lambda stop: session.converse(found, said.asked(), _Stop(stop))


async def _events(request: Request, session: Session, found: Conversation, said: Said) -> AsyncGenerator[str]:
    try:
        async for piece in carried(request, _writing(session, found, said)):
            if isinstance(piece, Turn):
                yield _event("turn", TurnBody.model_validate(piece).model_dump(mode="json"))
            else:
                yield _event("draft", {"text": piece})
    except Gone:
        return
    except Exception as error:
        yield _event("error", told(error, id_of(request))[1])


def _event(name: str, data: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


def _named(found: Conversation, ending: str) -> str:
    return f"{found.title or 'conversation'}.{ending}"


def _file(content: str, media_type: str, name: str) -> Response:
    # RFC 6266: the plain name is for programs that don't read the other; neither can end the header.
    plain = "".join(char if char.isascii() and (char.isalnum() or char in " ._-") else "_" for char in name)
    encoded = quote(name.encode("utf-8", "replace"), safe="")
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"
    return Response(
        content.encode("utf-8", "replace"),
        media_type=media_type,
        headers={"Content-Disposition": disposition},
    )
