"""A conversation over a collection, kept in the database as the chat page keeps its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ragent.cli.background import Background
from ragent.errors import RagentError
from ragent.rag import Rag, SearchArguments
from ragent.service.access import ANYBODY
from ragent.service.conversations import Conversation, Conversations, Turn
from ragent.service.exporting import as_markdown
from ragent.types import Answer, Message

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands that was quoted, or found."""

    number: int
    document_id: int
    uri: str
    page: int | None
    start: int
    end: int
    text: str


@dataclass(slots=True)
class Talk:
    """Begun when something is asked for the first time.

    Attributes:
        conversation: None until then.
        places: what the last answer quotes; what was found, where there is none.
        error: what kept the last question from being answered.
    """

    rag: Rag
    k: int | None
    options: SearchArguments
    conversation: Conversation | None = None
    places: Sequence[Place] = ()
    error: RagentError | None = None
    _working: list[Background[str | Turn]] = field(default_factory=list)

    def go_on(self) -> bool:
        """Take the last conversation over this collection up again; False if there is none."""
        found = self._kept.all(most=1)
        if not found:
            return False
        self.conversation = found[0]
        answers = [turn for turn in self.turns() if turn.role == "assistant"]
        self.places = _cited(answers[-1].details.get("citations") or ()) if answers else ()
        return True

    def begin_another(self) -> None:
        """The next question is the first of another conversation."""
        self.conversation, self.places = None, ()

    def ask(self, question: str, stop: threading.Event) -> Iterator[str | Answer]:
        """Pieces of the draft, and the answer; without one, somebody stopped it, or `error` says why."""
        if self.conversation is None:
            self.conversation = self._kept.new(self.rag.settings.collection)
        self.error = None
        answers: list[Answer] = []

        def answering(history: Sequence[Message]) -> Iterator[str | Answer]:
            for piece in self._stream(question, history):
                if stop.is_set():
                    return
                if isinstance(piece, Answer):
                    answers.append(piece)
                yield piece

        working = Background(self._kept.converse(self.conversation.id, question, answering), stop)
        self._working = [*(one for one in self._working if one.is_busy), working]
        for piece in working.follow():
            if isinstance(piece, str):
                yield piece
        if answers and not stop.is_set():
            self.places = _places(answers[0])
            yield answers[0]

    def _stream(self, question: str, history: Sequence[Message]) -> Iterator[str | Answer]:
        try:
            yield from self.rag.stream(question, self.k, history=history, **self.options)
        except RagentError as error:
            self.error = error
            raise

    def turns(self) -> list[Turn]:
        """What was said so far."""
        return self._kept.turns(self.conversation.id) if self.conversation else []

    def as_markdown(self) -> str:
        """What was said so far, with the quotes; "" if nothing was."""
        if self.conversation is None:
            return ""
        return as_markdown(self._kept.get(self.conversation.id), self.turns())

    @property
    def is_busy(self) -> bool:
        """Whether something that was stopped hasn't ended yet."""
        return any(one.is_busy for one in self._working)

    def close(self) -> None:
        """Wait until what was stopped has ended."""
        for working in self._working:
            working.join()

    @property
    def _kept(self) -> Conversations:
        return Conversations(self.rag.store, ANYBODY.name, frozenset({self.rag.settings.collection}))


def _places(answer: Answer) -> list[Place]:
    if answer.citations:
        return [
            Place(c.marker, c.document_id, c.uri, c.page, c.start, c.end, c.quote) for c in answer.citations
        ]
    return [
        Place(hit.rank, hit.document_id, hit.uri, hit.page, hit.start, hit.end, hit.text)
        for hit in answer.hits
    ]


def _cited(citations: Sequence[Mapping[str, Any]]) -> list[Place]:
    names = ("marker", "document_id", "uri", "page", "start", "end", "quote")
    return [Place(*(cited[name] for name in names)) for cited in citations]
