"""The tables of words, which PostgreSQL alone has: beside SQLite, files hold them (`ragent.index.keyword`).

They are not in the metadata of the others, which both databases have.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, MetaData, Table
from sqlalchemy.dialects.postgresql import TSVECTOR

from ragent.store.columns import Int, Text
from ragent.store.tables import CollectionRow

WORD_METADATA = MetaData()

_COLLECTION = CollectionRow.__table__.c.id

CHUNK_WORDS = Table(
    "chunk_words",
    WORD_METADATA,
    Column("chunk_id", Int, primary_key=True, autoincrement=False),
    Column("collection_id", Int, ForeignKey(_COLLECTION, ondelete="CASCADE"), nullable=False),
    Column("length", Int, nullable=False),
    Column("words", TSVECTOR, nullable=False),
    Index("ix_chunk_words_collection", "collection_id", "chunk_id"),
    Index("ix_chunk_words_words", "words", postgresql_using="gin"),
)
"""A chunk's keywords with their places, for phrases and conditions on fields, and how many they are."""

POSTINGS = Table(
    "postings",
    WORD_METADATA,
    Column("collection_id", Int, ForeignKey(_COLLECTION, ondelete="CASCADE"), primary_key=True),
    Column("word", Text, primary_key=True),
    Column("block", Int, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
"""Where a word stands, for ranking: see `ragent.store.words`."""

WORD_TOTALS = Table(
    "word_totals",
    WORD_METADATA,
    Column("collection_id", Int, ForeignKey(_COLLECTION, ondelete="CASCADE"), primary_key=True),
    Column("chunks", Int, nullable=False),
    Column("words", Int, nullable=False),
)
"""How many chunks a collection has, and how many keywords these have together."""
