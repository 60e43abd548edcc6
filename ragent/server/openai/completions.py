"""`POST /v1/completions`: one text to the plain model, for older clients."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from ragent.server.asking import Asks
from ragent.server.carrying import Gone, ShouldStop, whole
from ragent.server.openai.asked import CompletionAsked
from ragent.server.openai.chat import STREAMED
from ragent.server.openai.naming import asked_for, no_model, plain_name
from ragent.server.openai.pieces import Finished, Piece, Words, in_turn, usage_of
from ragent.server.openai.plain import Plain
from ragent.server.openai.streaming import event_stream
from ragent.service import Session
from ragent.types import Message

router = APIRouter(tags=["OpenAI"])
_USUAL_TOKENS = 16


@router.post("/v1/completions", response_class=Response, responses=STREAMED)
async def complete(request: Request, asked: CompletionAsked, session: Asks) -> Response:
    """Reply to a text, which the plain model is given as a user's message: it is a chat model."""

    def write(should_stop: ShouldStop) -> Iterator[Piece]:
        return _pieces(session, asked, should_stop)

    shaped = _Shaped(asked.model, bool(asked.stream_options and asked.stream_options.include_usage))
    if asked.stream:
        return await event_stream(request, write, shaped.chunks)
    pieces = await whole(request, write)
    end = pieces[-1] if pieces else None
    if not isinstance(end, Finished):
        raise Gone
    text = "".join(piece.text for piece in pieces if isinstance(piece, Words))
    return JSONResponse({**shaped.body(text, end.reason), "usage": usage_of(end.usage)})


def _pieces(session: Session, asked: CompletionAsked, should_stop: ShouldStop) -> Iterator[Piece]:
    if asked_for(asked.model, session).collection is not None:
        raise no_model(asked.model, [plain_name(session.service)])
    plain = Plain(session.service.root.llm, session.service.settings.llm.sampling)
    sampling = asked.sampling(replace(plain.usual, max_tokens=_USUAL_TOKENS))
    yield from in_turn(session, should_stop, plain.say([Message("user", asked.text)], sampling))


@dataclass(frozen=True, slots=True)
class _Shaped:
    model: str
    tells_usage: bool
    id: str = field(default_factory=lambda: f"cmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def chunks(self, piece: Piece) -> Iterator[Mapping[str, Any]]:
        if isinstance(piece, Words):
            yield self.body(piece.text, None)
        elif isinstance(piece, Finished):
            yield self.body("", piece.reason)
            if self.tells_usage:
                yield {**self.body("", None), "choices": [], "usage": usage_of(piece.usage)}

    def body(self, text: str, reason: str | None) -> dict[str, Any]:
        choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": reason}
        return {
            "id": self.id,
            "object": "text_completion",
            "created": self.created,
            "model": self.model,
            "choices": [choice],
        }
