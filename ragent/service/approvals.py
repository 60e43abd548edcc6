"""Somebody's word on a call that an agent wants to make: asked in one thread, given in another."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from ragent.agent.run import Call
from ragent.errors import NotThere

_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Question:
    """A call that waits for somebody's word, and why they are asked."""

    id: str
    call: Call
    why: str


class Approvals:
    """The word that one run waits for: one call at a time. Safe to share between threads."""

    def __init__(self, patience_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Nobody's word is a refusal once nobody was seen for `patience_seconds`."""
        self._patience = patience_seconds
        self._clock = clock
        self._seen = clock()
        self._given = threading.Condition()
        self._question: Question | None = None
        self._agrees: bool | None = None

    @property
    def question(self) -> Question | None:
        """What waits for an answer now."""
        return self._question

    def seen(self) -> None:
        """Note that somebody still looks on."""
        self._seen = self._clock()

    def settle(self, question_id: str, *, agrees: bool) -> None:
        """Give one's word. Raises NotThere for a question that doesn't wait any more."""
        with self._given:
            if self._question is None or self._question.id != question_id or self._agrees is not None:
                raise NotThere("this call doesn't wait for a word any more")
            self._agrees = agrees
            self._given.notify_all()

    def ask(self, call: Call, why: str, should_stop: Callable[[], bool]) -> bool:
        """Wait for somebody's word. False, too, once `should_stop` says so, or nobody looks on any more."""
        with self._given:
            self._question, self._agrees = Question(uuid.uuid4().hex, call, why), None
            try:
                while self._agrees is None and not should_stop() and self._is_somebody_there():
                    self._given.wait(_POLL_SECONDS)
                return bool(self._agrees)
            finally:
                self._question = None

    def _is_somebody_there(self) -> bool:
        return self._clock() - self._seen < self._patience
