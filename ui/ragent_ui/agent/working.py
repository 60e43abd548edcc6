"""Agents at work, each in a thread of its own, like answers that are being written."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress

from ragent.agent import Step
from ragent.errors import NotThere, RagentError
from ragent.service import Session
from ragent.service.agents import Task
from ragent.service.approvals import Approvals, Question
from ragent.service.conversations import Conversation

_LOG = logging.getLogger(__name__)


class Working:
    """One task in hand. Any thread may read it, give a word on a call, and stop it."""

    def __init__(self, session: Session, conversation: Conversation, task: Task) -> None:
        self.question = task.text
        self.began = time.monotonic()
        self.error: RagentError | None = None
        self.steps: list[Step] = []
        self._approvals = Approvals(session.service.settings.server.approval_minutes * 60)
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(session, conversation, task), name="ragent-agent", daemon=True
        )
        self._thread.start()

    def _run(self, session: Session, conversation: Conversation, task: Task) -> None:
        try:
            for part in session.agents.work(conversation, task, self._approvals, self._stop):
                if isinstance(part, Step):
                    self.steps.append(part)
        except RagentError as error:
            self.error = error
        except Exception as error:
            _LOG.exception("an agent")
            self.error = RagentError(f"{type(error).__name__}: {error}")

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

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    @property
    def is_stopping(self) -> bool:
        return self._stop.is_set()

    def stop(self) -> None:
        """Have it end as soon as it can."""
        self._stop.set()
