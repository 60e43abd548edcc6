"""`POST /v1/chat/completions`: answers from the documents, or of the plain model."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from ragent.server.asking import Asks
from ragent.server.carrying import Gone, ShouldStop, whole
from ragent.server.errors import Refused
from ragent.server.openai import from_documents
from ragent.server.openai.asked import ChatAsked
from ragent.server.openai.naming import asked_for
from ragent.server.openai.pieces import Call, Finished, Piece, Words, in_turn, usage_of
from ragent.server.openai.plain import Plain
from ragent.server.openai.streaming import event_stream
from ragent.service import Session

router = APIRouter(tags=["OpenAI"])

STREAMED: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {}, "text/event-stream": {}}, "description": "the answer"}
}


@router.post("/v1/chat/completions", response_class=Response, responses=STREAMED)
async def chat(request: Request, asked: ChatAsked, session: Asks) -> Response:
    """Answer a conversation.

    The model `ragent` answers its last question from the documents: `ragent` in the answer holds citations,
    whether it abstained, and what was left out; in `ragent` of the request are the collection and how to ask
    it. The other model that GET /v1/models names is the plain language model.
    """

    def write(should_stop: ShouldStop) -> Iterator[Piece]:
        return pieces_of(session, asked, should_stop)

    shaped = Shaped(asked.model, bool(asked.stream_options and asked.stream_options.include_usage))
    if asked.stream:
        return await event_stream(request, write, shaped.chunks)
    return JSONResponse(shaped.completion(await whole(request, write)))


def pieces_of(session: Session, asked: ChatAsked, should_stop: ShouldStop) -> Iterator[Piece]:
    """The answer, by whichever model is asked. Raises RagentError."""
    model = asked_for(asked.model, session)
    if model.collection is not None:
        collection = from_documents.collection_of(asked, model.collection)
        yield from from_documents.write(session, asked, collection, should_stop)
        return
    if asked.ragent is not None:
        raise Refused("ragent: the plain model reads no documents", param="ragent", hint='ask "ragent"')
    plain = Plain(session.service.root.llm, session.service.settings.llm.sampling)
    yield from in_turn(session, should_stop, plain.write(asked))


@dataclass(slots=True)
class Shaped:
    """Puts the pieces of one answer into OpenAI's shape."""

    model: str
    tells_usage: bool
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))
    _begun: bool = False
    _calls: int = 0

    def completion(self, pieces: Sequence[Piece]) -> dict[str, Any]:
        """The whole answer. Raises Gone where it was not written to its end."""
        end = pieces[-1] if pieces else None
        if not isinstance(end, Finished):
            raise Gone
        text = "".join(piece.text for piece in pieces if isinstance(piece, Words))
        if end.ragent is not None and end.refusal is None and any(_is_draft(piece) for piece in pieces):
            text = end.ragent["text"]
        calls = [_call(piece) for piece in pieces if isinstance(piece, Call)]
        message: dict[str, Any] = {"role": "assistant", "content": text or None, "refusal": end.refusal}
        if not calls and end.refusal is None:
            message["content"] = text
        if calls:
            message["tool_calls"] = calls
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": end.reason}
        own = {} if end.ragent is None else {"ragent": dict(end.ragent)}
        return {**self._head("chat.completion"), "choices": [choice], "usage": usage_of(end.usage), **own}

    def chunks(self, piece: Piece) -> Iterator[Mapping[str, Any]]:
        """What a stream tells of a piece."""
        if not self._begun:
            self._begun = True
            yield self._chunk({"role": "assistant", "content": ""})
        if isinstance(piece, Words):
            yield self._chunk({"content": piece.text})
        elif isinstance(piece, Call):
            yield self._chunk({"tool_calls": [{"index": self._calls, **_call(piece)}]})
            self._calls += 1
        else:
            yield from self._last(piece)

    def _last(self, end: Finished) -> Iterator[Mapping[str, Any]]:
        if end.refusal is not None:
            yield self._chunk({"refusal": end.refusal})
        own = {} if end.ragent is None else {"ragent": dict(end.ragent)}
        yield {**self._chunk({}, end.reason), **own}
        if self.tells_usage:
            yield {**self._head("chat.completion.chunk"), "choices": [], "usage": usage_of(end.usage)}

    def _chunk(self, delta: Mapping[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": dict(delta), "logprobs": None, "finish_reason": reason}
        usage = {"usage": None} if self.tells_usage else {}
        return {**self._head("chat.completion.chunk"), "choices": [choice], **usage}

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}


def _is_draft(piece: Piece) -> bool:
    return isinstance(piece, Words) and piece.is_draft


def _call(call: Call) -> dict[str, Any]:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }
