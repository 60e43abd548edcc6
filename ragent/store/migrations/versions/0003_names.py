"""The names in each chunk, for retrieval over several hops."""

import sqlalchemy as sa
from alembic import op

from ragent.store.columns import Int

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the table. It fills as documents are ingested, or when names are first needed."""
    op.create_table(
        "names",
        sa.Column("chunk_id", Int, sa.ForeignKey("chunks.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
