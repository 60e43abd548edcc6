"""Runs of eval sets, verdicts and votes."""

import sqlalchemy as sa
from alembic import op

from ragent.store.columns import Int, Json, Text

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "eval_runs",
        sa.Column("id", Text, primary_key=True),
        sa.Column("name", Text, nullable=False),
        sa.Column("set_name", Text, nullable=False),
        sa.Column("split", Text, nullable=False),
        sa.Column("version", Text, nullable=False),
        sa.Column("corpus", Text, nullable=False),
        sa.Column("collection", Text, nullable=False),
        sa.Column("configuration", Json, nullable=False),
        sa.Column("cases", Int, nullable=False),
        sa.Column("metrics", Json, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "eval_outcomes",
        sa.Column("run_id", Text, sa.ForeignKey("eval_runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("case_id", Text, primary_key=True),
        sa.Column("number", Int, nullable=False),
        sa.Column("key", Text, nullable=False),
        sa.Column("case", Json, nullable=False),
        sa.Column("outcome", Json, nullable=False),
        sa.Column("values", Json, nullable=False),
    )
    op.create_index("ix_eval_outcomes_key", "eval_outcomes", ["key"])
    op.create_table(
        "eval_judgements",
        sa.Column("key", Text, primary_key=True),
        sa.Column("collection", Text, nullable=False),
        sa.Column("verdict", Json, nullable=False),
    )
    op.create_table(
        "eval_votes",
        sa.Column("id", Text, primary_key=True),
        sa.Column("arena", Text, nullable=False),
        sa.Column("case_id", Text, nullable=False),
        sa.Column("question", Text, nullable=False),
        sa.Column("left", Text, nullable=False),
        sa.Column("right", Text, nullable=False),
        sa.Column("left_answer", Text, nullable=False),
        sa.Column("right_answer", Text, nullable=False),
        sa.Column("winner", Text, nullable=False),
        sa.Column("voter", Text, nullable=False),
        sa.Column("is_human", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
