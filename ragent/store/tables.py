"""The tables. A change here needs a migration beside it (a test compares the two).

Chunk ids are never used again (AUTOINCREMENT), so a stale index entry can only point at nothing, never at
another chunk's text. `generation` counts a collection's commits: a derived index stamped with generation g
is brought up to date by the chunks and tombstones of later generations.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Float, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from ragent.store.columns import Half, Int, Json, JsonOrNull, Text, where_given


def _now() -> datetime:
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """Holds the metadata of all tables."""

    type_annotation_map = {  # noqa: RUF012
        datetime: DateTime(timezone=True),
        bytes: LargeBinary,
        int: Int,
        str: Text,
    }


class CollectionRow(Base):
    """A named set of documents, embedded by one model."""

    __tablename__ = "collections"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    generation: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=_now)


class SpaceRow(Base):
    """The vectors of one embedder over one collection."""

    __tablename__ = "spaces"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    collection_id: Mapped[int] = mapped_column(ForeignKey("collections.id", ondelete="CASCADE"))
    active: Mapped[bool]
    fingerprint: Mapped[Any] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(default=_now)


class SourceRow(Base):
    """A place that was ingested, as the user named it, for `sync` to come back to."""

    __tablename__ = "sources"
    __table_args__ = (UniqueConstraint("collection_id", "argument"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    collection_id: Mapped[int] = mapped_column(ForeignKey("collections.id", ondelete="CASCADE"))
    argument: Mapped[str]
    cursor: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=_now)


class DocumentRow(Base):
    """A document's text, as parsed. `version`: the source's cheap token; `content_hash`: of the bytes.

    `item` is the uri of the archive or mailbox that it came out of, None for a document of its own.
    `source_id` is the last source that listed it; ids of sources are never used again.
    """

    __tablename__ = "documents"
    __table_args__ = (
        UniqueConstraint("collection_id", "uri"),
        Index("ix_documents_item", "item", **where_given("item")),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    collection_id: Mapped[int] = mapped_column(ForeignKey("collections.id", ondelete="CASCADE"))
    uri: Mapped[str]
    item: Mapped[str | None]
    source_id: Mapped[int | None]
    version: Mapped[str]
    content_hash: Mapped[str]
    media_type: Mapped[str]
    title: Mapped[str]
    pages: Mapped[Any] = mapped_column(Json)
    meta: Mapped[Any] = mapped_column(Json)
    updated_at: Mapped[datetime] = mapped_column(default=_now, onupdate=_now)
    # Last, because SQLite walks a long value's pages to reach a column behind it.
    text: Mapped[str]


class ChunkRow(Base):
    """A passage of a document: `text` equals the document's text from `start` to `end`."""

    __tablename__ = "chunks"
    __table_args__ = (
        Index("ix_chunks_document", "document_id"),
        Index("ix_chunks_generation", "collection_id", "generation"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    collection_id: Mapped[int] = mapped_column(ForeignKey("collections.id", ondelete="CASCADE"))
    document_id: Mapped[int] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"))
    generation: Mapped[int]
    start: Mapped[int]
    end: Mapped[int]
    page: Mapped[int | None]
    tokens: Mapped[int]
    context: Mapped[str]
    text: Mapped[str]


class VectorRow(Base):
    """A chunk's vector, as `ragent.store.vectors` encodes it."""

    __tablename__ = "vectors"
    __table_args__ = (Index("ix_vectors_chunk", "chunk_id"), {"sqlite_with_rowid": False})

    space_id: Mapped[int] = mapped_column(ForeignKey("spaces.id", ondelete="CASCADE"), primary_key=True)
    chunk_id: Mapped[int] = mapped_column(ForeignKey("chunks.id", ondelete="CASCADE"), primary_key=True)
    data: Mapped[bytes] = mapped_column(Half)


class TombstoneRow(Base):
    """A chunk that was removed, so that indexes built before `generation` can drop it."""

    __tablename__ = "tombstones"
    __table_args__ = (Index("ix_tombstones_generation", "collection_id", "generation"),)

    collection_id: Mapped[int] = mapped_column(
        ForeignKey("collections.id", ondelete="CASCADE"), primary_key=True
    )
    chunk_id: Mapped[int] = mapped_column(primary_key=True)
    generation: Mapped[int]


class SignatureRow(Base):
    """A document's MinHash signature (`ragent.ingest.minhash`), by which near duplicates are known."""

    __tablename__ = "signatures"

    document_id: Mapped[int] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)
    data: Mapped[bytes]


class BandRow(Base):
    """One band of a signature: documents that share a key are candidates for near duplicates."""

    __tablename__ = "bands"
    __table_args__ = (Index("ix_bands_document", "document_id"), {"sqlite_with_rowid": False})

    collection_id: Mapped[int] = mapped_column(
        ForeignKey("collections.id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    document_id: Mapped[int] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)


class DuplicateRow(Base):
    """A document that repeats another. `similarity` is 1 for equal bytes, else of their words' shingles.

    A document that was left out for it has no chunks.
    """

    __tablename__ = "duplicates"
    __table_args__ = (Index("ix_duplicates_original", "original_id"),)

    document_id: Mapped[int] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)
    original_id: Mapped[int] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"))
    similarity: Mapped[float] = mapped_column(Float)


class NamesRow(Base):
    """The names in a chunk, as `ragent.index.names` encodes them: which chunks speak of the same things.

    A chunk without a row is of an older home: its names are extracted when they are first needed.
    """

    __tablename__ = "names"

    chunk_id: Mapped[int] = mapped_column(ForeignKey("chunks.id", ondelete="CASCADE"), primary_key=True)
    data: Mapped[bytes]


class LeaseRow(Base):
    """An item that a process has in hand: no other ingests it before `expires_at`, by the server's clock."""

    __tablename__ = "leases"

    collection_id: Mapped[int] = mapped_column(
        ForeignKey("collections.id", ondelete="CASCADE"), primary_key=True
    )
    uri: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    expires_at: Mapped[datetime]


class RunRow(Base):
    """An agent's run. `stop_reason` is empty while it isn't over; `owner` is whoever goes on with it.

    `made_with` is what its agent was opened with, so that another process can open the same.
    """

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(primary_key=True)
    parent_id: Mapped[str]
    owner: Mapped[str]
    task: Mapped[str]
    stop_reason: Mapped[str]
    note: Mapped[str]
    output: Mapped[Any] = mapped_column(Json)
    seconds: Mapped[float] = mapped_column(Float)
    cost: Mapped[float] = mapped_column(Float)
    tainted: Mapped[bool]
    cancelled: Mapped[bool] = mapped_column(default=False)
    made_with: Mapped[Any] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(default=_now)


class StepRow(Base):
    """A step of a run, as `ragent.agent.runs` writes it; without observations while its calls are made."""

    __tablename__ = "run_steps"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[Any] = mapped_column(Json)


class SpanRow(Base):
    """A span of a trace, as `ragent.trace` records it. `run` is the id of the agent's run that it is.

    `error` and the tokens are attributes, too; here they can be searched for and summed up. `content` holds
    texts, and is empty unless that was asked for.
    """

    __tablename__ = "spans"
    __table_args__ = (
        Index("ix_spans_trace", "trace_id"),
        Index("ix_spans_started", "started_ns"),
        Index("ix_spans_run", "run"),
    )

    span_id: Mapped[str] = mapped_column(primary_key=True)
    trace_id: Mapped[str]
    parent_id: Mapped[str | None]
    run: Mapped[str | None]
    name: Mapped[str]
    kind: Mapped[str]
    started_ns: Mapped[int] = mapped_column(BigInteger)
    duration_ns: Mapped[int | None] = mapped_column(BigInteger)
    error: Mapped[str | None]
    input_tokens: Mapped[int | None]
    output_tokens: Mapped[int | None]
    attributes: Mapped[Any] = mapped_column(Json)
    content: Mapped[Any | None] = mapped_column(JsonOrNull)


class FeedbackRow(Base):
    """What a person thought of an answer. `rating` is 1, 0 or -1; `answer` is what they were shown.

    `owner` is who they are, "" where nobody signs in. `correction` is what they would have said.
    """

    __tablename__ = "feedback"
    __table_args__ = (Index("ix_feedback_collection", "collection"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    collection: Mapped[str]
    question: Mapped[str]
    answer: Mapped[Any] = mapped_column(Json)
    rating: Mapped[int]
    comment: Mapped[str]
    correction: Mapped[str]
    trace_id: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=_now)


class EvalRunRow(Base):
    """A set run through ragent under one configuration. `finished_at` is null while cases are left.

    `corpus` and `version` tell which texts and which cases: only runs over the same can be compared.
    """

    __tablename__ = "eval_runs"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    set_name: Mapped[str]
    split: Mapped[str]
    version: Mapped[str]
    corpus: Mapped[str]
    collection: Mapped[str]
    configuration: Mapped[Any] = mapped_column(Json)
    cases: Mapped[int]
    metrics: Mapped[Any] = mapped_column(Json)
    seconds: Mapped[float] = mapped_column(Float)
    created_at: Mapped[datetime] = mapped_column(default=_now)
    finished_at: Mapped[datetime | None]


class OutcomeRow(Base):
    """What came of a case. `key` is the digest of all that it depends on: the same key, the same outcome."""

    __tablename__ = "eval_outcomes"
    __table_args__ = (Index("ix_eval_outcomes_key", "key"),)

    run_id: Mapped[str] = mapped_column(ForeignKey("eval_runs.id", ondelete="CASCADE"), primary_key=True)
    case_id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int]
    key: Mapped[str]
    case: Mapped[Any] = mapped_column(Json)
    outcome: Mapped[Any] = mapped_column(Json)
    values: Mapped[Any] = mapped_column(Json)


class JudgementRow(Base):
    """A judge's verdict. `key` is the digest of the judge and of all that it read."""

    __tablename__ = "eval_judgements"

    key: Mapped[str] = mapped_column(primary_key=True)
    collection: Mapped[str]
    verdict: Mapped[Any] = mapped_column(Json)


class VoteRow(Base):
    """One of two answers to a question was liked better: `winner` is "left", "right" or "tie".

    `left` and `right` are the names of the configurations; `voter` is a person, or a judge's name.
    """

    __tablename__ = "eval_votes"

    id: Mapped[str] = mapped_column(primary_key=True)
    arena: Mapped[str]
    case_id: Mapped[str]
    question: Mapped[str]
    left: Mapped[str]
    right: Mapped[str]
    left_answer: Mapped[str]
    right_answer: Mapped[str]
    winner: Mapped[str]
    voter: Mapped[str]
    is_human: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(default=_now)


class EntityRow(Base):
    """Something that documents of a collection speak of. `key` is its name as names are compared.

    What it is called stands in the chunks that mention it alone: no name outlives the documents it is from.
    """

    __tablename__ = "entities"
    __table_args__ = (UniqueConstraint("collection_id", "key"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    collection_id: Mapped[int] = mapped_column(ForeignKey("collections.id", ondelete="CASCADE"))
    key: Mapped[str]
    kind: Mapped[str]


class MentionRow(Base):
    """Where an entity is spoken of: characters `start` to `end` of the chunk's text."""

    __tablename__ = "mentions"
    __table_args__ = (Index("ix_mentions_chunk", "chunk_id"),)

    entity_id: Mapped[int] = mapped_column(ForeignKey("entities.id", ondelete="CASCADE"), primary_key=True)
    chunk_id: Mapped[int] = mapped_column(ForeignKey("chunks.id", ondelete="CASCADE"), primary_key=True)
    start: Mapped[int] = mapped_column(primary_key=True)
    end: Mapped[int]


class RelationRow(Base):
    """What a document says of two entities: in characters `start` to `end` of the chunk's text.

    `label` is how it says so, in its words; empty for two that only stand together, which `weight` weighs.
    """

    __tablename__ = "relations"
    __table_args__ = (
        Index("ix_relations_source", "source_id"),
        Index("ix_relations_target", "target_id"),
        Index("ix_relations_chunk", "chunk_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("entities.id", ondelete="CASCADE"))
    target_id: Mapped[int] = mapped_column(ForeignKey("entities.id", ondelete="CASCADE"))
    label: Mapped[str]
    chunk_id: Mapped[int] = mapped_column(ForeignKey("chunks.id", ondelete="CASCADE"))
    start: Mapped[int]
    end: Mapped[int]
    weight: Mapped[float] = mapped_column(Float)


class GraphChunkRow(Base):
    """A chunk that was read for the graph, and by which version of the reader."""

    __tablename__ = "graph_chunks"

    chunk_id: Mapped[int] = mapped_column(ForeignKey("chunks.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[str]
