"""Conversations: what was asked and answered, kept in the database as it is said."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from ragent.errors import NotThere, RagentError
from ragent.store import Store, conversations
from ragent.types import Answer, Message, Role

State = Literal["writing", "done", "stopped", "failed", "forgotten"]

_TITLE_CHARS = 60
_SHORTENED_HISTORY = 20


@dataclass(frozen=True, slots=True)
class Turn:
    """Something that was said.

    `details` of an answer are its fields but the text (see `details_of`); of an agent's, its run. `state` is
    "stopped" where nobody finished it, and "forgotten" where it read a document that was forgotten.
    """

    id: str
    number: int
    role: Role
    content: str
    state: State
    details: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Conversation:
    """What somebody talked about, over one collection; `title` is "" until something was asked."""

    id: str
    collection: str
    title: str
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Conversations:
    """One person's conversations; `only` over these collections, where a key is for some."""

    store: Store
    owner: str
    only: frozenset[str] | None = None

    def new(self, collection: str) -> Conversation:
        """Begin one. Raises NotThere for a collection that a key isn't for."""
        if self.only is not None and collection not in self.only:
            raise NotThere(f"there is no collection {collection!r}")
        id_ = uuid.uuid4().hex
        values = {"id": id_, "owner": self.owner, "collection": collection, "title": ""}
        with self.store.writing() as connection:
            conversations.add_conversation(connection, values)
        return self.get(id_)

    def get(self, id_: str) -> Conversation:
        """One of them. Raises NotThere."""
        with self.store.reading() as connection:
            row = conversations.find_conversation(connection, id_, self.owner)
        if row is None or (self.only is not None and row.collection not in self.only):
            raise NotThere(f"there is no conversation {id_!r}")
        return _conversation(row)

    def all(self, words: str = "", most: int = 200) -> list[Conversation]:
        """Those that hold these words anywhere, the last changed first."""
        with self.store.reading() as connection:
            rows = conversations.list_conversations(connection, self.owner, words, most, self.only)
        return [_conversation(row) for row in rows]

    def rename(self, id_: str, title: str) -> None:
        """Give one another title. Raises NotThere."""
        self.get(id_)
        with self.store.writing() as connection:
            conversations.change_conversation(connection, id_, {"title": title.strip()[:200]})

    def delete(self, id_: str) -> None:
        """Remove one with all that was said. Raises NotThere."""
        self.get(id_)
        with self.store.writing() as connection:
            conversations.drop_conversation(connection, id_)

    def turns(self, id_: str) -> list[Turn]:
        """What was said, in order. Raises NotThere."""
        self.get(id_)
        with self.store.reading() as connection:
            rows = conversations.messages_of(connection, id_)
        return [
            Turn(row.id, row.number, row.role, row.content, row.state, row.details, row.created_at)
            for row in rows
        ]

    def history(self, id_: str) -> list[Message]:
        """What a next question is told of it: whole exchanges, the last ones."""
        said = [turn for turn in self.turns(id_) if turn.state == "done" and turn.content]
        return [Message(turn.role, turn.content) for turn in said[-_SHORTENED_HISTORY:]]

    def ask(self, id_: str, question: str) -> str:
        """Note a question, and an answer that is being written; the answer's id."""
        answer = uuid.uuid4().hex
        empty: dict[str, Any] = {"conversation_id": id_, "details": {}, "documents": []}
        with self.store.writing() as connection:
            conversations.add_message(
                connection,
                {**empty, "id": uuid.uuid4().hex, "role": "user", "content": question, "state": "done"},
            )
            conversations.add_message(
                connection, {**empty, "id": answer, "role": "assistant", "content": "", "state": "writing"}
            )
            row = conversations.find_conversation(connection, id_, self.owner)
            if row is not None and not row.title:
                conversations.change_conversation(connection, id_, {"title": _title(question)})
        return answer

    def answered(
        self,
        message_id: str,
        text: str,
        state: State,
        details: Mapping[str, Any],
        documents: Sequence[int] = (),
    ) -> None:
        """Note what came of a question."""
        values = {"content": text, "state": state, "details": dict(details), "documents": list(documents)}
        with self.store.writing() as connection:
            conversations.change_message(connection, message_id, values)

    def converse(
        self, id_: str, question: str, answering: Callable[[Sequence[Message]], Iterator[str | Answer]]
    ) -> Iterator[str | Turn]:
        """Have a question answered, and keep it: pieces of the draft, then the turn as it is kept.

        What was written when somebody stops it, or it fails, is kept as such.

        Args:
            id_: the conversation.
            question: what is asked.
            answering: what answers it, given what was said before; stopped if it ends without an Answer.
        """
        history = self.history(id_)
        message = self.ask(id_, question)
        written: list[str] = []
        noted = False
        try:
            for piece in answering(history):
                if isinstance(piece, Answer):
                    self.answered(message, piece.text, "done", details_of(piece), documents_of(piece))
                    noted = True
                else:
                    written.append(piece)
                    yield piece
        except RagentError as error:
            noted = True
            self.answered(message, "", "failed", {"error": error.message, "hint": error.hint})
        finally:
            if not noted:
                self.answered(message, "".join(written), "stopped", {})
        yield next(turn for turn in self.turns(id_) if turn.id == message)

    def change_details(self, message_id: str, details: Mapping[str, Any]) -> None:
        """Keep other details of a turn, which `turns` gave."""
        with self.store.writing() as connection:
            conversations.change_message(connection, message_id, {"details": dict(details)})

    def cut(self, id_: str, message_id: str) -> str:
        """Take back a question or an answer, with all that came after; the question. Raises NotThere."""
        turns = self.turns(id_)
        at = next((place for place, turn in enumerate(turns) if turn.id == message_id), None)
        if at is None:
            raise NotThere(f"there is no message {message_id!r} in this conversation")
        first = next(turn for turn in reversed(turns[: at + 1]) if turn.role == "user")
        with self.store.writing() as connection:
            conversations.drop_messages_from(connection, id_, first.number)
        return first.content


def details_of(answer: Answer) -> dict[str, Any]:
    """The fields of an answer, its text and the passages' texts excepted, as JSON."""
    kept = asdict(answer)
    hits = [{"document_id": hit.document_id, "uri": hit.uri, "chunk_id": hit.chunk_id} for hit in answer.hits]
    return {key: value for key, value in kept.items() if key not in {"text", "hits"}} | {"hits": hits}


def documents_of(answer: Answer) -> list[int]:
    """The ids of all documents that were read for an answer."""
    read = [hit.document_id for hit in answer.hits] + [cited.document_id for cited in answer.citations]
    return list(dict.fromkeys(read))


def _title(question: str) -> str:
    words = " ".join(question.split())
    if len(words) <= _TITLE_CHARS:
        return words
    return words[:_TITLE_CHARS].rsplit(" ", 1)[0] + "…"


def _conversation(row: Any) -> Conversation:
    return Conversation(
        row.id,
        row.collection,
        row.title,
        row.created_at.replace(tzinfo=UTC),
        row.changed_at.replace(tzinfo=UTC),
    )
