"""Server-sent events, as OpenAI's clients read them.

Source: WHATWG HTML, "Server-sent events"; OpenAI's API reference, "Streaming".
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from typing import Any

from fastapi import Request
from starlette.responses import StreamingResponse

from ragent.server.carrying import Gone, ShouldStop, carried
from ragent.server.errors import id_of, told
from ragent.server.openai.pieces import Piece

_DONE = "data: [DONE]\n\n"
_HEADERS = {"X-Accel-Buffering": "no"}

Chunks = Callable[[Piece], Iterator[Mapping[str, Any]]]


async def event_stream(
    request: Request, write: Callable[[ShouldStop], Iterator[Piece]], chunks: Chunks
) -> StreamingResponse:
    """The answer as events, from the first piece on.

    Args:
        request: what it answers.
        write: writes it.
        chunks: what is told of each piece.

    Raises:
        RagentError: what is raised before the first piece; what comes later is told as an event.
    """
    pieces = carried(request, write)
    try:
        first = await anext(pieces)
    except StopAsyncIteration:
        raise Gone from None
    events = _events(request, first, pieces, chunks)
    return StreamingResponse(events, headers=_HEADERS, media_type="text/event-stream")


async def _events(
    request: Request, first: Piece, pieces: AsyncGenerator[Piece], chunks: Chunks
) -> AsyncIterator[str]:
    try:
        for chunk in chunks(first):
            yield event(chunk)
        async for piece in pieces:
            for chunk in chunks(piece):
                yield event(chunk)
        yield _DONE
    except Gone:
        return
    except Exception as error:
        _, content = told(error, id_of(request))
        yield event(content)
    finally:
        await pieces.aclose()


def event(content: Mapping[str, Any]) -> str:
    """One event."""
    return f"data: {json.dumps(content)}\n\n"
