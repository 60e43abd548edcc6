"""Agents at work in the background, like answers that are being written."""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import partial

from ragent.agent import Step
from ragent.errors import NotThere
from ragent.service import Session
from ragent.service.agents import Task
from ragent.service.approvals import Approvals, Question
from ragent.service.conversations import Conversation
from ragent_ui.background import Background


class Working:
    """One task in hand. Any thread may read it, and give a word on a call."""

    def __init__(self, session: Session, conversation: Conversation, task: Task) -> None:
        self.question = task.text
        self.steps: list[Step] = []
        self._approvals = Approvals(session.service.settings.server.approval_minutes * 60)
        self.background = Background("agent", partial(self._work, session, conversation, task))

    def _work(self, session: Session, conversation: Conversation, task: Task, stop: threading.Event) -> None:
        for part in session.agents.work(conversation, task, self._approvals, stop):
            if isinstance(part, Step):
                self.steps.append(part)

    @property
    def waits_for(self) -> Question | None:
        """The call that needs somebody's word before the agent goes on."""
        return self._approvals.question

    def seen(self) -> None:
        """Note that somebody looks on: once nobody does, what needs a word is refused."""
        self._approvals.seen()

    def settle(self, question_id: str, agrees: bool) -> None:
        """Give one's word, unless another tab did."""
        with suppress(NotThere):
            self._approvals.settle(question_id, agrees=agrees)
