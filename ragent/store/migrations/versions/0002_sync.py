"""What sync needs: sources, which of them a document came from, and duplicates."""

import sqlalchemy as sa
from alembic import op

from ragent.store.columns import Int, Text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add tables and columns. Never rebuild `documents`: dropping it would cascade to every chunk."""
    op.create_table(
        "sources",
        sa.Column("id", Int, primary_key=True),
        sa.Column("collection_id", Int, _of("collections"), nullable=False),
        sa.Column("argument", Text, nullable=False),
        sa.Column("cursor", Text),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("collection_id", "argument"),
        sqlite_autoincrement=True,
    )
    op.add_column("documents", sa.Column("item", Text))
    op.add_column("documents", sa.Column("source_id", Int))
    op.create_table(
        "signatures",
        sa.Column("document_id", Int, _of("documents"), primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "bands",
        sa.Column("collection_id", Int, _of("collections"), primary_key=True),
        sa.Column("key", sa.BigInteger, primary_key=True),
        sa.Column("document_id", Int, _of("documents"), primary_key=True),
        sa.Index("ix_bands_document", "document_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "duplicates",
        sa.Column("document_id", Int, _of("documents"), primary_key=True),
        sa.Column("original_id", Int, _of("documents"), nullable=False),
        sa.Column("similarity", sa.Float, nullable=False),
        sa.Index("ix_duplicates_original", "original_id"),
    )


def _of(table: str) -> sa.ForeignKey:
    return sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
