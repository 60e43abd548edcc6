"""Answers that are being written, each in a thread of its own.

A page that is drawn anew, or loaded anew in the browser, finds its answer where it was.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import streamlit as st

from ragent.errors import RagentError
from ragent.service import Session
from ragent.service.conversations import Conversation
from ragent.service.session import Asked
from ragent_ui.agent.working import Working

_LOG = logging.getLogger(__name__)


class Writing:
    """One answer on its way. Any thread may read `text` and `is_over`, and `stop` it."""

    def __init__(self, session: Session, conversation: Conversation, asked: Asked) -> None:
        self.question = asked.question
        self.began = time.monotonic()
        self.error: RagentError | None = None
        self._pieces: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(session, conversation, asked), name="ragent-answer", daemon=True
        )
        self._thread.start()

    def _run(self, session: Session, conversation: Conversation, asked: Asked) -> None:
        try:
            for piece in session.converse(conversation, asked, self._stop):
                if isinstance(piece, str):
                    self._pieces.append(piece)
        except RagentError as error:
            self.error = error
        except Exception as error:
            _LOG.exception("an answer")
            self.error = RagentError(f"{type(error).__name__}: {error}")

    @property
    def text(self) -> str:
        """The draft, as far as it goes."""
        return "".join(self._pieces)

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    @property
    def is_stopping(self) -> bool:
        return self._stop.is_set()

    def stop(self) -> None:
        """Have it end as soon as it can."""
        self._stop.set()


class Desk:
    """The answers of this process, by conversation: one at a time in each."""

    def __init__(self) -> None:
        self._writing: dict[str, Writing | Working] = {}
        self._lock = threading.Lock()

    def begin(self, conversation_id: str, make: Callable[[], Writing | Working]) -> None:
        """Have a question answered, or a task done, unless another of the conversation still is."""
        with self._lock:
            there = self._writing.get(conversation_id)
            if there is None or there.is_over:
                self._writing[conversation_id] = make()

    def at(self, conversation_id: str) -> Writing | Working | None:
        """What is being written in a conversation, or was when the page was last drawn."""
        return self._writing.get(conversation_id)

    def clear(self, conversation_id: str) -> None:
        """Stop what is being written in a conversation, and think of it no more."""
        with self._lock:
            writing = self._writing.pop(conversation_id, None)
        if writing is not None:
            writing.stop()


@st.cache_resource(show_spinner=False)
def the_desk() -> Desk:
    """The one of this process."""
    return Desk()
