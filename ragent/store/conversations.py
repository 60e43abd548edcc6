"""Reads and writes conversations and their turns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from ragent.store.people_tables import ConversationRow, MessageRow

FORGOTTEN = "forgotten"


def add_conversation(connection: Connection, values: Mapping[str, Any]) -> None:
    """Keep a new conversation: its columns."""
    connection.execute(insert(ConversationRow).values(**values))


def find_conversation(connection: Connection, id_: str, owner: str) -> Row[Any] | None:
    """A conversation's columns; None if there is none of that id, or it is somebody else's."""
    query = select(ConversationRow.__table__)
    return connection.execute(
        query.where((ConversationRow.id == id_) & (ConversationRow.owner == owner))
    ).one_or_none()


def list_conversations(
    connection: Connection, owner: str, words: str, most: int, only: Collection[str] | None = None
) -> list[Row[Any]]:
    """The columns of somebody's conversations, the last changed first, that hold these words anywhere.

    With `only`, of those over these collections.
    """
    query = select(ConversationRow.__table__).where(ConversationRow.owner == owner)
    if only is not None:
        query = query.where(ConversationRow.collection.in_(only))
    if words:
        # A pattern's own signs are escaped: people look for 100 % and snake_case.
        pattern = "%" + words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        holding = select(MessageRow.conversation_id).where(MessageRow.content.ilike(pattern, escape="\\"))
        query = query.where(
            or_(ConversationRow.title.ilike(pattern, escape="\\"), ConversationRow.id.in_(holding))
        )
    ordered = query.order_by(ConversationRow.changed_at.desc(), ConversationRow.id).limit(most)
    return list(connection.execute(ordered))


def change_conversation(connection: Connection, id_: str, values: Mapping[str, Any]) -> None:
    """Set columns of a conversation."""
    connection.execute(update(ConversationRow).where(ConversationRow.id == id_).values(**values))


def drop_conversation(connection: Connection, id_: str) -> None:
    """Delete a conversation with its turns."""
    connection.execute(delete(ConversationRow).where(ConversationRow.id == id_))


def add_message(connection: Connection, values: Mapping[str, Any]) -> None:
    """Keep a turn at the end of its conversation: its columns but `number`."""
    conversation = values["conversation_id"]
    last = select(func.coalesce(func.max(MessageRow.number), 0)).where(
        MessageRow.conversation_id == conversation
    )
    number = int(connection.scalar(last) or 0) + 1
    connection.execute(insert(MessageRow).values(**values, number=number))
    change_conversation(connection, conversation, {"changed_at": datetime.now(UTC)})


def change_message(connection: Connection, id_: str, values: Mapping[str, Any]) -> None:
    """Set columns of a turn, unless it was forgotten meanwhile."""
    still = (MessageRow.id == id_) & (MessageRow.state != FORGOTTEN)
    connection.execute(update(MessageRow).where(still).values(**values))


def messages_of(connection: Connection, conversation_id: str) -> list[Row[Any]]:
    """The columns of a conversation's turns, in order."""
    query = select(MessageRow.__table__).where(MessageRow.conversation_id == conversation_id)
    return list(connection.execute(query.order_by(MessageRow.number)))


def drop_messages_from(connection: Connection, conversation_id: str, number: int) -> None:
    """Delete the turns from that number on."""
    late = (MessageRow.conversation_id == conversation_id) & (MessageRow.number >= number)
    connection.execute(delete(MessageRow).where(late))


def end_interrupted(connection: Connection) -> int:
    """Mark the answers that nobody writes any more, since their process ended; how many there were."""
    writing = update(MessageRow).where(MessageRow.state == "writing")
    return connection.execute(writing.values(state="stopped")).rowcount


def forget_documents(connection: Connection, document_ids: Collection[int]) -> None:
    """Empty every conversation in which one of these documents was read: any of its words may retell it."""
    gone = set(document_ids)
    query = select(MessageRow.conversation_id, MessageRow.documents)
    touched = {row.conversation_id for row in connection.execute(query) if gone & set(row.documents)}
    for some in _parts(sorted(touched)):
        blank = {"content": "", "details": {}, "documents": [], "state": FORGOTTEN}
        connection.execute(update(MessageRow).where(MessageRow.conversation_id.in_(some)).values(**blank))
        connection.execute(update(ConversationRow).where(ConversationRow.id.in_(some)).values(title=""))


def _parts(ids: Sequence[str], size: int = 500) -> list[Sequence[str]]:
    return [ids[first : first + size] for first in range(0, len(ids), size)]
