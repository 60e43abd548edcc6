"""People, their keys, conversations and jobs."""

import sqlalchemy as sa
from alembic import op

from ragent.store.columns import Int, Json, Text

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "people",
        sa.Column("name", Text, primary_key=True),
        sa.Column("role", Text, nullable=False),
        sa.Column("password", Text, nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "grants",
        sa.Column("collection", Text, primary_key=True),
        sa.Column("person", Text, primary_key=True),
        sa.Column("role", Text, nullable=False),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", Text, primary_key=True),
        sa.Column("name", Text, nullable=False),
        sa.Column("digest", Text, nullable=False),
        sa.Column("owner", Text, nullable=False),
        sa.Column("role", Text, nullable=False),
        sa.Column("collections", Json),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("revoked", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "conversations",
        sa.Column("id", Text, primary_key=True),
        sa.Column("owner", Text, nullable=False),
        sa.Column("collection", Text, nullable=False),
        sa.Column("title", Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_conversations_owner", "conversations", ["owner", "changed_at"])
    op.create_table(
        "messages",
        sa.Column("id", Text, primary_key=True),
        sa.Column(
            "conversation_id",
            Text,
            sa.ForeignKey("conversations.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("number", Int, nullable=False),
        sa.Column("role", Text, nullable=False),
        sa.Column("content", Text, nullable=False),
        sa.Column("state", Text, nullable=False),
        sa.Column("details", Json, nullable=False),
        sa.Column("documents", Json, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_messages_conversation", "messages", ["conversation_id", "number"])
    op.create_table(
        "jobs",
        sa.Column("id", Text, primary_key=True),
        sa.Column("owner", Text, nullable=False),
        sa.Column("collection", Text, nullable=False),
        sa.Column("kind", Text, nullable=False),
        sa.Column("state", Text, nullable=False),
        sa.Column("asked", Json, nullable=False),
        sa.Column("progress", Json, nullable=False),
        sa.Column("report", Json, nullable=False),
        sa.Column("worker", Text, nullable=False),
        sa.Column("cancelled", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_jobs_state", "jobs", ["state"])
