"""Work in a thread of its own, so that Ctrl-C is heard at once, whatever native code is at."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Generic, TypeVar

_POLL_SECONDS = 0.1

Piece = TypeVar("Piece")


@dataclass(frozen=True, slots=True)
class _End:
    error: BaseException | None = None


@dataclass(slots=True)
class Background(Generic[Piece]):
    """Goes through pieces in a thread, which goes on until the one in hand is done after `stop` is set."""

    pieces: Iterator[Piece]
    stop: threading.Event
    _made: SimpleQueue[Piece | _End] = field(default_factory=SimpleQueue)
    _thread: threading.Thread | None = None

    def follow(self) -> Iterator[Piece]:
        """The pieces as they are made. Ends at once when `stop` is set. Raises what making them raised."""
        self._thread = threading.Thread(target=self._work, name="ragent-answer")
        self._thread.start()
        while not self.stop.is_set():
            try:
                piece = self._made.get(timeout=_POLL_SECONDS)
            except Empty:
                continue
            if isinstance(piece, _End):
                if piece.error:
                    raise piece.error
                return
            yield piece

    @property
    def is_busy(self) -> bool:
        """Whether the thread is still at it."""
        return self._thread is not None and self._thread.is_alive()

    def join(self) -> None:
        """Wait until the thread has ended."""
        if self._thread:
            self._thread.join()

    def _work(self) -> None:
        try:
            for piece in self.pieces:
                self._made.put(piece)
            self._made.put(_End())
        except BaseException as error:
            self._made.put(_End(error))


@contextmanager
def stopped_by_ctrl_c(stop: threading.Event) -> Iterator[None]:
    """While inside, the first Ctrl-C sets `stop`, and a second one does what it did before."""
    before = signal.getsignal(signal.SIGINT)

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, before)

    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def raised_by_ctrl_c() -> Iterator[None]:
    """While inside, Ctrl-C raises KeyboardInterrupt: only for waiting at a prompt."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
