"""Runs an iterator in a thread of its own, some way ahead of who takes from it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Ahead(Generic[Thing]):
    """Iterates like `things`, whose next ones are made meanwhile, up to a total weight of `most`.

    Errors of the iterator reach the taker in their turn.
    """

    def __init__(self, things: Generator[Thing], weigh: Callable[[Thing], int], most: int) -> None:
        self._things = things
        self._weigh = weigh
        self._most = most
        self._made: deque[Thing] = deque()
        self._weight = 0
        self._ended = False
        self._closed = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._make, name="ragent-reading", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Thing]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._made or self._ended)
                if not self._made:
                    if self._error:
                        raise self._error
                    return
                thing = self._made.popleft()
                self._weight -= self._weigh(thing)
                self._changed.notify_all()
            yield thing

    def close(self, patience: float = 5.0) -> None:
        """Ask the thread to end, and wait for it a while."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(patience)

    def _make(self) -> None:
        try:
            with closing(self._things):
                for thing in self._things:
                    if not self._keep(thing):
                        break
        except BaseException as error:
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _keep(self, thing: Thing) -> bool:
        with self._changed:
            # Something always fits into nothing, however heavy it is.
            self._changed.wait_for(lambda: self._closed or not self._made or self._weight < self._most)
            if self._closed:
                return False
            self._made.append(thing)
            self._weight += self._weigh(thing)
            self._changed.notify_all()
        return True
