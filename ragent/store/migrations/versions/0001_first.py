"""The first schema: collections, spaces, documents, chunks, vectors, tombstones."""

import sqlalchemy as sa
from alembic import op

from ragent.store.columns import Half, Int, Json, Text

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "collections",
        sa.Column("id", Int, primary_key=True),
        sa.Column("name", Text, nullable=False, unique=True),
        sa.Column("generation", Int, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "spaces",
        sa.Column("id", Int, primary_key=True),
        _collection(),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("fingerprint", Json, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "documents",
        sa.Column("id", Int, primary_key=True),
        _collection(),
        sa.Column("uri", Text, nullable=False),
        sa.Column("version", Text, nullable=False),
        sa.Column("content_hash", Text, nullable=False),
        sa.Column("media_type", Text, nullable=False),
        sa.Column("title", Text, nullable=False),
        sa.Column("pages", Json, nullable=False),
        sa.Column("meta", Json, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", Text, nullable=False),
        sa.UniqueConstraint("collection_id", "uri"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "chunks",
        sa.Column("id", Int, primary_key=True),
        _collection(),
        sa.Column("document_id", Int, sa.ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
        sa.Column("generation", Int, nullable=False),
        sa.Column("start", Int, nullable=False),
        sa.Column("end", Int, nullable=False),
        sa.Column("page", Int),
        sa.Column("tokens", Int, nullable=False),
        sa.Column("context", Text, nullable=False),
        sa.Column("text", Text, nullable=False),
        sa.Index("ix_chunks_document", "document_id"),
        sa.Index("ix_chunks_generation", "collection_id", "generation"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "vectors",
        sa.Column("space_id", Int, sa.ForeignKey("spaces.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("chunk_id", Int, sa.ForeignKey("chunks.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("data", Half, nullable=False),
        sa.Index("ix_vectors_chunk", "chunk_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tombstones",
        _collection(primary_key=True),
        sa.Column("chunk_id", Int, primary_key=True),
        sa.Column("generation", Int, nullable=False),
        sa.Index("ix_tombstones_generation", "collection_id", "generation"),
    )


def _collection(*, primary_key: bool = False) -> sa.Column[int]:
    return sa.Column(
        "collection_id",
        Int,
        sa.ForeignKey("collections.id", ondelete="CASCADE"),
        nullable=False,
        primary_key=primary_key,
    )
