"""Which process has which item in hand, where several ingest into one database; an item's documents.

Revision ID: 0010
"""

import sqlalchemy as sa
from alembic import op

from ragent.store.columns import Int, Text, where_given

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the table, and an index to find an item's documents by."""
    op.create_table(
        "leases",
        sa.Column(
            "collection_id", Int, sa.ForeignKey("collections.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("uri", Text, primary_key=True),
        sa.Column("holder", Text, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_documents_item", "documents", ["item"], **where_given("item"))
