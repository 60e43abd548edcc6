"""Carries what a thread writes to whoever asked for it, piece by piece, and tells the thread when to stop.

An answer has a thread of its own while it waits and is written: the few threads that serve other requests
stay free for them. How many answers may wait is limited by `Turnstile`.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from fastapi import Request

from ragent.errors import LLMError
from ragent.server.ending import Ending

Piece = TypeVar("Piece")
_LOOK_SECONDS = 0.25
ANSWERING = "ragent-answer"
"""What threads that write answers are called."""

ShouldStop = Callable[[], bool]


class Gone(Exception):
    """Whoever asked has hung up."""


@dataclass(frozen=True, slots=True)
class _Over(Generic[Piece]):
    error: BaseException | None = None


async def carried(request: Request, write: Callable[[ShouldStop], Iterator[Piece]]) -> AsyncGenerator[Piece]:
    """The pieces, as they are written in a thread, which is told to stop once nobody wants them any more.

    Args:
        request: what they are the answer to.
        write: writes them; ends early where it is told to stop.

    Raises:
        Gone: the client has hung up.
        LLMError: the server ends, and can't wait any longer.
        RagentError: what `write` raises.
    """
    ending: Ending = request.app.state.ending
    queue: asyncio.Queue[Piece | _Over[Piece]] = asyncio.Queue()
    stop = threading.Event()
    _start(asyncio.get_running_loop(), queue, stop, write)
    looked = time.monotonic()
    try:
        while True:
            try:
                piece = await asyncio.wait_for(queue.get(), _LOOK_SECONDS)
            except TimeoutError:
                piece = None
            if isinstance(piece, _Over):
                if piece.error is not None:
                    raise piece.error
                return
            if piece is not None:
                request.app.state.metrics.saw(piece)
                yield piece
            if time.monotonic() - looked >= _LOOK_SECONDS:
                looked = time.monotonic()
                await _look(request, ending)
    finally:
        stop.set()


async def whole(request: Request, write: Callable[[ShouldStop], Iterator[Piece]]) -> list[Piece]:
    """All pieces together. Raises as `carried` does."""
    return [piece async for piece in carried(request, write)]


async def _look(request: Request, ending: Ending) -> None:
    if await request.is_disconnected():
        raise Gone
    if ending.is_due:
        raise LLMError("the server is ending", hint="ask again", retryable=True)


def _start(
    loop: asyncio.AbstractEventLoop,
    queue: asyncio.Queue[Piece | _Over[Piece]],
    stop: threading.Event,
    write: Callable[[ShouldStop], Iterator[Piece]],
) -> None:
    def put(item: Piece | _Over[Piece]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(queue.put_nowait, item)

    def work() -> None:
        pieces = write(stop.is_set)
        try:
            for piece in pieces:
                if stop.is_set():
                    break
                put(piece)
        except BaseException as error:
            put(_Over(error))
        else:
            put(_Over())
        finally:
            # Ends the generation within, and gives up the turn.
            if isinstance(pieces, Generator):
                pieces.close()

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(work,), name=ANSWERING, daemon=True).start()
