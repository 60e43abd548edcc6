"""Traces, span by span."""

import sqlalchemy as sa
from alembic import op

from ragent.store.columns import Int, Json, Text

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "spans",
        sa.Column("span_id", Text, primary_key=True),
        sa.Column("trace_id", Text, nullable=False),
        sa.Column("parent_id", Text),
        sa.Column("run", Text),
        sa.Column("name", Text, nullable=False),
        sa.Column("kind", Text, nullable=False),
        sa.Column("started_ns", sa.BigInteger, nullable=False),
        sa.Column("duration_ns", sa.BigInteger),
        sa.Column("error", Text),
        sa.Column("input_tokens", Int),
        sa.Column("output_tokens", Int),
        sa.Column("attributes", Json, nullable=False),
        sa.Column("content", Json),
    )
    op.create_index("ix_spans_trace", "spans", ["trace_id"])
    op.create_index("ix_spans_started", "spans", ["started_ns"])
    op.create_index("ix_spans_run", "spans", ["run"])
