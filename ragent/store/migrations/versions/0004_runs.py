"""The runs of agents, step by step."""

import sqlalchemy as sa
from alembic import op

from ragent.store.columns import Int, Json, Text

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "runs",
        sa.Column("id", Text, primary_key=True),
        sa.Column("parent_id", Text, nullable=False),
        sa.Column("owner", Text, nullable=False),
        sa.Column("task", Text, nullable=False),
        sa.Column("stop_reason", Text, nullable=False),
        sa.Column("note", Text, nullable=False),
        sa.Column("output", Json, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("cost", sa.Float, nullable=False),
        sa.Column("tainted", sa.Boolean, nullable=False),
        sa.Column("cancelled", sa.Boolean, nullable=False),
        sa.Column("made_with", Json, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "run_steps",
        sa.Column("run_id", Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("number", Int, primary_key=True),
        sa.Column("data", Json, nullable=False),
    )
