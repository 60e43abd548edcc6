"""Keywords of chunks, in PostgreSQL.

Revision ID: 0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

from ragent.store.columns import POSTGRESQL, Int, Text

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the tables. Beside SQLite, files hold what they hold."""
    if op.get_bind().dialect.name != POSTGRESQL:
        return
    op.create_table(
        "chunk_words",
        sa.Column("chunk_id", Int, primary_key=True, autoincrement=False),
        sa.Column("collection_id", Int, _of_collection(), nullable=False),
        sa.Column("length", Int, nullable=False),
        sa.Column("words", TSVECTOR, nullable=False),
    )
    op.create_index("ix_chunk_words_collection", "chunk_words", ["collection_id", "chunk_id"])
    op.create_index("ix_chunk_words_words", "chunk_words", ["words"], postgresql_using="gin")
    op.create_table(
        "postings",
        sa.Column("collection_id", Int, _of_collection(), primary_key=True),
        sa.Column("word", Text, primary_key=True),
        sa.Column("block", Int, primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    # Appending to a value would compress all of it again each time.
    op.execute("ALTER TABLE postings ALTER COLUMN data SET STORAGE EXTERNAL")
    op.create_table(
        "word_totals",
        sa.Column("collection_id", Int, _of_collection(), primary_key=True),
        sa.Column("chunks", Int, nullable=False),
        sa.Column("words", Int, nullable=False),
    )


def _of_collection() -> sa.ForeignKey:
    return sa.ForeignKey("collections.id", ondelete="CASCADE")
