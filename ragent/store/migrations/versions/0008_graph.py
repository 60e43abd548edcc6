"""What documents speak of, and what they say of it."""

import sqlalchemy as sa
from alembic import op

from ragent.store.columns import Int, Text

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "entities",
        sa.Column("id", Int, primary_key=True),
        sa.Column("collection_id", Int, sa.ForeignKey("collections.id", ondelete="CASCADE"), nullable=False),
        sa.Column("key", Text, nullable=False),
        sa.Column("kind", Text, nullable=False),
        sa.UniqueConstraint("collection_id", "key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "mentions",
        sa.Column("entity_id", Int, sa.ForeignKey("entities.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("chunk_id", Int, sa.ForeignKey("chunks.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("start", Int, primary_key=True),
        sa.Column("end", Int, nullable=False),
    )
    op.create_index("ix_mentions_chunk", "mentions", ["chunk_id"])
    op.create_table(
        "relations",
        sa.Column("id", Int, primary_key=True),
        sa.Column("source_id", Int, sa.ForeignKey("entities.id", ondelete="CASCADE"), nullable=False),
        sa.Column("target_id", Int, sa.ForeignKey("entities.id", ondelete="CASCADE"), nullable=False),
        sa.Column("label", Text, nullable=False),
        sa.Column("chunk_id", Int, sa.ForeignKey("chunks.id", ondelete="CASCADE"), nullable=False),
        sa.Column("start", Int, nullable=False),
        sa.Column("end", Int, nullable=False),
        sa.Column("weight", sa.Float, nullable=False),
        sqlite_autoincrement=True,
    )
    for column in ("source", "target", "chunk"):
        op.create_index(f"ix_relations_{column}", "relations", [f"{column}_id"])
    op.create_table(
        "graph_chunks",
        sa.Column("chunk_id", Int, sa.ForeignKey("chunks.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("version", Text, nullable=False),
    )
