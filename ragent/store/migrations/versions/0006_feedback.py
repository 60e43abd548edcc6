"""What people thought of answers."""

import sqlalchemy as sa
from alembic import op

from ragent.store.columns import Int, Json, Text

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "feedback",
        sa.Column("id", Text, primary_key=True),
        sa.Column("owner", Text, nullable=False),
        sa.Column("collection", Text, nullable=False),
        sa.Column("question", Text, nullable=False),
        sa.Column("answer", Json, nullable=False),
        sa.Column("rating", Int, nullable=False),
        sa.Column("comment", Text, nullable=False),
        sa.Column("correction", Text, nullable=False),
        sa.Column("trace_id", Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_feedback_collection", "feedback", ["collection"])
