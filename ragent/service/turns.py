"""Whose answer is written next, where more are asked for than can be written at once."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ragent.errors import TooMuch

_POLL_SECONDS = 0.1


class Turnstile:
    """Lets so many through at once, the people that wait in turn: many questions of one delay no other."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._free = at_once
        self._most = waiting
        self._waiting = 0
        self._lines: OrderedDict[str, deque[threading.Event]] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, name: str, should_stop: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Wait for a turn, and hold it. Raises TooMuch where too many wait, and Stopped by `should_stop`."""
        mine = self._enter(name)
        try:
            while not mine.wait(_POLL_SECONDS):
                if should_stop():
                    raise Stopped
            yield
        finally:
            self._leave(name, mine)

    def waiting(self) -> int:
        """How many answers wait."""
        return self._waiting

    def _enter(self, name: str) -> threading.Event:
        mine = threading.Event()
        with self._lock:
            if self._free and not self._lines:
                self._free -= 1
                mine.set()
                return mine
            if self._waiting >= self._most:
                raise TooMuch("too many are waiting for an answer", hint="ask again later", retry_after=5.0)
            self._waiting += 1
            self._lines.setdefault(name, deque()).append(mine)
        return mine

    def _leave(self, name: str, mine: threading.Event) -> None:
        with self._lock:
            if not mine.is_set():
                self._waiting -= 1
                self._lines[name].remove(mine)
                if not self._lines[name]:
                    del self._lines[name]
                return
            if not self._lines:
                self._free += 1
                return
            # The first in line goes, and their name goes to the end: everybody's turn comes.
            first, line = next(iter(self._lines.items()))
            next_one = line.popleft()
            self._waiting -= 1
            del self._lines[first]
            if line:
                self._lines[first] = line
            next_one.set()


class Stopped(Exception):
    """Whoever waited doesn't any more."""


class Rate:
    """So many requests a minute of each name: a bucket of tokens that fills as time passes."""

    def __init__(self, a_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = a_minute / 60.0
        self._most = float(a_minute)
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, name: str) -> None:
        """Count a request. Raises TooMuch, with the seconds to wait."""
        now = self._clock()
        with self._lock:
            left, then = self._left.pop(name, (self._most, now))
            left = min(self._most, left + (now - then) * self._rate)
            allowed = left >= 1.0
            self._left[name] = (left - 1.0 if allowed else left, now)
            while len(self._left) > 10_000:
                self._left.popitem(last=False)
        if not allowed:
            wait = (1.0 - left) / self._rate
            raise TooMuch("too many requests", hint=f"again in {wait:.0f} s", retry_after=wait)
