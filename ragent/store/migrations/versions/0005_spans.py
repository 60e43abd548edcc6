"""Traces, span by span."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "spans",
        sa.Column("span_id", sa.String, primary_key=True),
        sa.Column("trace_id", sa.String, nullable=False),
        sa.Column("parent_id", sa.String),
        sa.Column("run", sa.String),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("started_ns", sa.BigInteger, nullable=False),
        sa.Column("duration_ns", sa.BigInteger),
        sa.Column("error", sa.String),
        sa.Column("input_tokens", sa.Integer),
        sa.Column("output_tokens", sa.Integer),
        sa.Column("attributes", sa.JSON, nullable=False),
        sa.Column("content", sa.JSON),
    )
    op.create_index("ix_spans_trace", "spans", ["trace_id"])
    op.create_index("ix_spans_started", "spans", ["started_ns"])
    op.create_index("ix_spans_run", "spans", ["run"])
