"""Runs of eval sets, verdicts and votes."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "eval_runs",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("set_name", sa.String, nullable=False),
        sa.Column("split", sa.String, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("corpus", sa.String, nullable=False),
        sa.Column("collection", sa.String, nullable=False),
        sa.Column("configuration", sa.JSON, nullable=False),
        sa.Column("cases", sa.Integer, nullable=False),
        sa.Column("metrics", sa.JSON, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "eval_outcomes",
        sa.Column("run_id", sa.String, sa.ForeignKey("eval_runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("case_id", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("case", sa.JSON, nullable=False),
        sa.Column("outcome", sa.JSON, nullable=False),
        sa.Column("values", sa.JSON, nullable=False),
    )
    op.create_index("ix_eval_outcomes_key", "eval_outcomes", ["key"])
    op.create_table(
        "eval_judgements",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("collection", sa.String, nullable=False),
        sa.Column("verdict", sa.JSON, nullable=False),
    )
    op.create_table(
        "eval_votes",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("arena", sa.String, nullable=False),
        sa.Column("case_id", sa.String, nullable=False),
        sa.Column("question", sa.String, nullable=False),
        sa.Column("left", sa.String, nullable=False),
        sa.Column("right", sa.String, nullable=False),
        sa.Column("left_answer", sa.String, nullable=False),
        sa.Column("right_answer", sa.String, nullable=False),
        sa.Column("winner", sa.String, nullable=False),
        sa.Column("voter", sa.String, nullable=False),
        sa.Column("is_human", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
