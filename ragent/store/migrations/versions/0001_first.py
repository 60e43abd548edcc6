"""The first schema: collections, spaces, documents, chunks, vectors, tombstones."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "collections",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "spaces",
        sa.Column("id", sa.Integer, primary_key=True),
        _collection(),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("fingerprint", sa.JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "documents",
        sa.Column("id", sa.Integer, primary_key=True),
        _collection(),
        sa.Column("uri", sa.String, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("content_hash", sa.String, nullable=False),
        sa.Column("media_type", sa.String, nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("pages", sa.JSON, nullable=False),
        sa.Column("meta", sa.JSON, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.String, nullable=False),
        sa.UniqueConstraint("collection_id", "uri"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "chunks",
        sa.Column("id", sa.Integer, primary_key=True),
        _collection(),
        sa.Column(
            "document_id", sa.Integer, sa.ForeignKey("documents.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("start", sa.Integer, nullable=False),
        sa.Column("end", sa.Integer, nullable=False),
        sa.Column("page", sa.Integer),
        sa.Column("tokens", sa.Integer, nullable=False),
        sa.Column("context", sa.String, nullable=False),
        sa.Column("text", sa.String, nullable=False),
        sa.Index("ix_chunks_document", "document_id"),
        sa.Index("ix_chunks_generation", "collection_id", "generation"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "vectors",
        sa.Column("space_id", sa.Integer, sa.ForeignKey("spaces.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("chunk_id", sa.Integer, sa.ForeignKey("chunks.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Index("ix_vectors_chunk", "chunk_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tombstones",
        _collection(primary_key=True),
        sa.Column("chunk_id", sa.Integer, primary_key=True),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Index("ix_tombstones_generation", "collection_id", "generation"),
    )


def _collection(*, primary_key: bool = False) -> sa.Column[int]:
    return sa.Column(
        "collection_id",
        sa.Integer,
        sa.ForeignKey("collections.id", ondelete="CASCADE"),
        nullable=False,
        primary_key=primary_key,
    )
