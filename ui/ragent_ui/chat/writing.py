"""Answers that are being written, and tasks that are being done, by conversation."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import streamlit as st

from ragent.service import Session
from ragent.service.conversations import Conversation
from ragent.service.session import Asked
from ragent_ui.agent.working import Working
from ragent_ui.background import Background


class Writing:
    """One answer on its way. Any thread may read `text`."""

    def __init__(self, session: Session, conversation: Conversation, asked: Asked) -> None:
        self.question = asked.question
        self._pieces: list[str] = []
        self.background = Background("answer", partial(self._write, session, conversation, asked))

    def _write(
        self, session: Session, conversation: Conversation, asked: Asked, stop: threading.Event
    ) -> None:
        for piece in session.converse(conversation, asked, stop):
            if isinstance(piece, str):
                self._pieces.append(piece)

    @property
    def text(self) -> str:
        """The draft, as far as it goes."""
        return "".join(self._pieces)


class Desk:
    """The answers of this process, by conversation: one at a time in each."""

    def __init__(self) -> None:
        self._writing: dict[str, Writing | Working] = {}
        self._lock = threading.Lock()

    def begin(self, conversation_id: str, make: Callable[[], Writing | Working]) -> None:
        """Have a question answered, or a task done, unless another of the conversation still is."""
        with self._lock:
            there = self._writing.get(conversation_id)
            if there is None or there.background.is_over:
                self._writing[conversation_id] = make()

    def at(self, conversation_id: str) -> Writing | Working | None:
        """What is being written in a conversation, or was when the page was last drawn."""
        return self._writing.get(conversation_id)

    def clear(self, conversation_id: str) -> None:
        """Stop what is being written in a conversation, and think of it no more."""
        with self._lock:
            writing = self._writing.pop(conversation_id, None)
        if writing is not None:
            writing.background.stop()


@st.cache_resource(show_spinner=False)
def the_desk() -> Desk:
    """The one of this process."""
    return Desk()
