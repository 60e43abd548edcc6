"""From finished spans to where they are kept, off the way of whoever waits for an answer.

Each outlet has a bounded queue and a thread that writes what is in it, in batches. The thread is there while
there is something to write, and a process that ends waits some seconds for it. What can't be written, or
comes in faster than it can be, is dropped and counted.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from ragent.trace.spans import UNRECORDED, Attributes, Kind, Recording, Span, SpanRecord, open_span, recording

_LOG = logging.getLogger("ragent.trace")
_CAPACITY = 10_000
_BATCH = 1000
_LINGER_SECONDS = 0.1
_IDLE_SECONDS = 2.0
_EXIT_SECONDS = 5.0
_NONE: Attributes = {}

DROPPED = "ragent.trace.dropped"


class Sink(Protocol):
    """Keeps spans, or sends them on. Called by one thread at a time; whatever it raises is counted."""

    def write(self, spans: Sequence[SpanRecord]) -> None:
        """Keep them. One that was begun may come again when it ended: the later one counts."""


class Outlet:
    """One sink's queue and thread."""

    def __init__(self, sink: Sink, *, capacity: int = _CAPACITY, patience: float = 5.0) -> None:
        """`patience`: how many seconds `flush` waits."""
        self._sink = sink
        self._capacity = capacity
        self._patience = patience
        self._changed = threading.Condition()
        self._waiting: deque[SpanRecord] = deque()
        self._thread: threading.Thread | None = None
        self._writing = False
        self._hurry = False
        self._warned = False
        self.dropped = 0

    def put(self, record: SpanRecord) -> None:
        """Take a span, or drop it where too many wait."""
        with self._changed:
            if len(self._waiting) >= self._capacity:
                self.dropped += 1
                return
            self._waiting.append(record)
            if self._thread is None:
                self._start()
            elif len(self._waiting) == 1:
                self._changed.notify_all()

    def flush(self, patience: float | None = None) -> None:
        """Have everything written now, and wait for it, as long as patience lasts."""
        with self._changed:
            if self._is_idle():
                return
            self._hurry = True
            self._changed.notify_all()
            self._changed.wait_for(self._is_idle, self._patience if patience is None else patience)

    def _is_idle(self) -> bool:
        return not self._waiting and not self._writing

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._write_all, name="ragent-trace", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # the interpreter is on its way out
            self._thread = None
            self.dropped += len(self._waiting)
            self._waiting.clear()
            return
        _RUNNING.add(self)

    def _write_all(self) -> None:
        while batch := self._next():
            try:
                self._sink.write(batch)
            except Exception as error:  # a trace is never worth an answer
                self._give_up(len(batch), error)

    def _next(self) -> list[SpanRecord]:
        """The next batch; none when nothing came for a while, and the thread is over."""
        with self._changed:
            self._writing = False
            if not self._waiting:
                self._hurry = False
                self._changed.notify_all()
            if not self._changed.wait_for(lambda: self._waiting, _IDLE_SECONDS):
                self._thread = None
                _RUNNING.discard(self)
                return []
            # What ends within a moment is written in one go with what began.
            self._changed.wait_for(lambda: self._hurry, _LINGER_SECONDS)
            self._writing = True
            return [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]

    def _give_up(self, count: int, error: Exception) -> None:
        """Drop what waits, too: a sink that fails slowly would be waited for again and again."""
        with self._changed:
            self.dropped += count + len(self._waiting)
            self._waiting.clear()
        if not self._warned:
            self._warned = True
            _LOG.warning("traces are being lost: %s", error)


_RUNNING: set[Outlet] = set()
"""Outlets whose thread is there."""


@atexit.register
def _flush_all() -> None:
    for outlet in list(_RUNNING):
        outlet.flush(_EXIT_SECONDS)


class Tracer:
    """Records traces. Safe to share between threads."""

    def __init__(self, outlets: Sequence[Outlet] = (), *, content: bool = False) -> None:
        """Without outlets, nothing is recorded. `content`: texts, too."""
        self._outlets = tuple(outlets)
        self._recording = Recording(self._record, content)

    @property
    def dropped(self) -> int:
        """How many spans were lost so far."""
        return sum(outlet.dropped for outlet in self._outlets)

    def span(self, name: str, kind: Kind, attributes: Attributes = _NONE) -> Span:
        """A part of the span that is open here; where none is, the root of a new trace.

        Once spans were lost, `ragent.trace.dropped` says how many.
        """
        if not self._outlets and not recording():
            return UNRECORDED
        made = open_span(self._recording, name, kind, attributes)
        if dropped := self.dropped:
            made.set({DROPPED: dropped})
        return made

    def flush(self) -> None:
        """Have everything written now. Waits for the database, for some seconds; not for a collector."""
        for outlet in self._outlets:
            outlet.flush()

    def _record(self, record: SpanRecord) -> None:
        for outlet in self._outlets:
            outlet.put(record)
