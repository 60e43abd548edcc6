"""The tables of what several people share a home by: themselves, their keys, conversations and jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from ragent.store.columns import Json, JsonOrNull
from ragent.store.tables import Base


def _now() -> datetime:
    return datetime.now(UTC)


class PersonRow(Base):
    """Somebody who may sign in. `password` is a salted hash; "" where a proxy vouches for them."""

    __tablename__ = "people"

    name: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str]
    password: Mapped[str]
    disabled: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=_now)


class GrantRow(Base):
    """What somebody may do with a collection. Without any, it is everybody's, by their own role."""

    __tablename__ = "grants"

    collection: Mapped[str] = mapped_column(primary_key=True)
    person: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str]


class KeyRow(Base):
    """A key of a program. Only its digest is kept; `collections` are those it opens, null: its owner's."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    digest: Mapped[str]
    owner: Mapped[str]
    role: Mapped[str]
    collections: Mapped[Any] = mapped_column(JsonOrNull, nullable=True)
    expires_at: Mapped[datetime | None]
    revoked: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=_now)


class ConversationRow(Base):
    """What somebody talked about, over one collection."""

    __tablename__ = "conversations"
    __table_args__ = (Index("ix_conversations_owner", "owner", "changed_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    collection: Mapped[str]
    title: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=_now)
    changed_at: Mapped[datetime] = mapped_column(default=_now)


class MessageRow(Base):
    """A turn of a conversation. `details` are an answer's citations and figures, or an agent's run.

    `state` is "writing" while an answer is written, "done", "stopped", "failed" or "forgotten"; `documents`
    are the ids of all that were read for it.
    """

    __tablename__ = "messages"
    __table_args__ = (Index("ix_messages_conversation", "conversation_id", "number"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    number: Mapped[int]
    role: Mapped[str]
    content: Mapped[str]
    state: Mapped[str]
    details: Mapped[Any] = mapped_column(Json)
    documents: Mapped[Any] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(default=_now)


class JobRow(Base):
    """Something long that goes on by itself: `kind` is "ingest" or "sync", `asked` what it was told to do.

    `state` is "waiting", "running", "done", "failed" or "cancelled"; `worker` the process that does it.
    """

    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_state", "state"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    collection: Mapped[str]
    kind: Mapped[str]
    state: Mapped[str]
    asked: Mapped[Any] = mapped_column(Json)
    progress: Mapped[Any] = mapped_column(Json)
    report: Mapped[Any] = mapped_column(Json)
    worker: Mapped[str]
    cancelled: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=_now)
    finished_at: Mapped[datetime | None]
