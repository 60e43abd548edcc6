"""Reads and writes the knowledge graph: entities, where they are mentioned, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    bindparam,
    cast,
    delete,
    exists,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.orm import aliased

from ragent.store.rows import Problem
from ragent.store.tables import ChunkRow, DocumentRow, EntityRow, GraphChunkRow, MentionRow, RelationRow

_REBUILD = "ragent graph build --force"


@dataclass(frozen=True, slots=True)
class NewMention:
    """An entity, by its key and kind, at characters `start` to `end` of a chunk's text."""

    key: str
    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class NewRelation:
    """What characters `start` to `end` of a chunk's text say of two entities, by their keys."""

    source: str
    target: str
    label: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class NewChunk:
    """All that was read in a chunk. Every entity of a relation is mentioned."""

    chunk_id: int
    mentions: tuple[NewMention, ...]
    relations: tuple[NewRelation, ...]


def unread_chunks(
    connection: Connection, collection_id: int, versions: Sequence[str]
) -> list[tuple[int, int, int, int]]:
    """(chunk id, document id, start, end) of the chunks that none of these versions has read yet."""
    read = exists().where(GraphChunkRow.chunk_id == ChunkRow.id, GraphChunkRow.version.in_(versions))
    query = (
        select(ChunkRow.id, ChunkRow.document_id, ChunkRow.start, ChunkRow.end)
        .where(ChunkRow.collection_id == collection_id, ~read)
        .order_by(ChunkRow.document_id, ChunkRow.id)
    )
    rows = connection.execute(query)
    return [(row.id, row.document_id, row.start, row.end) for row in rows]


def write_chunks(
    connection: Connection, collection_id: int, version: str, chunks: Sequence[NewChunk]
) -> None:
    """Keep what was read in chunks, over what was kept of them; chunks that are gone are passed over."""
    ids = [chunk.chunk_id for chunk in chunks]
    there = set(connection.scalars(select(ChunkRow.id).where(ChunkRow.id.in_(ids))))
    for table in (MentionRow, RelationRow, GraphChunkRow):
        connection.execute(delete(table).where(table.chunk_id.in_(ids)))
    for chunk in chunks:
        if chunk.chunk_id in there:
            _write_chunk(connection, collection_id, version, chunk)
    drop_unmentioned(connection, collection_id)


def _write_chunk(connection: Connection, collection_id: int, version: str, chunk: NewChunk) -> None:
    ids: dict[str, int] = {}
    for mention in chunk.mentions:
        if mention.key not in ids:
            ids[mention.key] = _entity(connection, collection_id, mention)
    mentions = [
        {"entity_id": ids[one.key], "chunk_id": chunk.chunk_id, "start": one.start, "end": one.end}
        for one in chunk.mentions
    ]
    relations = [
        {
            "source_id": ids[one.source],
            "target_id": ids[one.target],
            "label": one.label,
            "chunk_id": chunk.chunk_id,
            "start": one.start,
            "end": one.end,
            "weight": 1.0,
        }
        for one in chunk.relations
    ]
    connection.execute(insert(GraphChunkRow).values(chunk_id=chunk.chunk_id, version=version))
    if mentions:
        connection.execute(insert(MentionRow), mentions)
    if relations:
        connection.execute(insert(RelationRow), relations)


def _entity(connection: Connection, collection_id: int, mention: NewMention) -> int:
    same = (EntityRow.collection_id == collection_id) & (EntityRow.key == mention.key)
    known = connection.execute(select(EntityRow.id, EntityRow.kind).where(same)).one_or_none()
    if known is None:
        made = insert(EntityRow).values(collection_id=collection_id, key=mention.key, kind=mention.kind)
        return connection.scalars(made.returning(EntityRow.id)).one()
    if mention.kind and not known.kind:
        connection.execute(update(EntityRow).where(EntityRow.id == known.id).values(kind=mention.kind))
    return int(known.id)


def drop_unmentioned(connection: Connection, collection_id: int) -> None:
    """Delete the entities that no chunk mentions any more, with what was said of them."""
    mentioned = exists().where(MentionRow.entity_id == EntityRow.id)
    connection.execute(delete(EntityRow).where(EntityRow.collection_id == collection_id, ~mentioned))


def drop_graph(connection: Connection, collection_id: int) -> None:
    """Delete all of a collection's graph."""
    chunks = select(ChunkRow.id).where(ChunkRow.collection_id == collection_id)
    connection.execute(delete(GraphChunkRow).where(GraphChunkRow.chunk_id.in_(chunks)))
    connection.execute(delete(EntityRow).where(EntityRow.collection_id == collection_id))


def unlabelled_pairs(connection: Connection, collection_id: int) -> list[tuple[int, int, int]]:
    """(source id, target id, how often) of the entities that stand together without a label."""
    query = (
        select(RelationRow.source_id, RelationRow.target_id, func.count().label("times"))
        .join(EntityRow, EntityRow.id == RelationRow.source_id)
        .where(EntityRow.collection_id == collection_id, RelationRow.label == "")
        .group_by(RelationRow.source_id, RelationRow.target_id)
    )
    return [(row.source_id, row.target_id, row.times) for row in connection.execute(query)]


def mention_counts(connection: Connection, collection_id: int) -> dict[int, int]:
    """How often each entity is mentioned, by its id."""
    query = (
        select(MentionRow.entity_id, func.count())
        .join(EntityRow, EntityRow.id == MentionRow.entity_id)
        .where(EntityRow.collection_id == collection_id)
        .group_by(MentionRow.entity_id)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def weigh(connection: Connection, weights: Mapping[tuple[int, int], float]) -> None:
    """Set the weight of the unlabelled relations of these pairs."""
    if not weights:
        return
    query = (
        update(RelationRow)
        .where(
            RelationRow.source_id == bindparam("source"),
            RelationRow.target_id == bindparam("target"),
            RelationRow.label == "",
        )
        .values(weight=bindparam("told"))
    )
    rows = [{"source": pair[0], "target": pair[1], "told": weight} for pair, weight in weights.items()]
    connection.execute(query, rows)


def names_of_entities(connection: Connection, collection_id: int) -> list[Row[Any]]:
    """(id, key, kind, name, times) of each entity under each name that mentions it, the commonest first."""
    name = _quoted(MentionRow)
    query = (
        select(EntityRow.id, EntityRow.key, EntityRow.kind, name.label("name"), func.count().label("times"))
        .join(MentionRow, MentionRow.entity_id == EntityRow.id)
        .join(ChunkRow, ChunkRow.id == MentionRow.chunk_id)
        .where(EntityRow.collection_id == collection_id)
        .group_by(EntityRow.id, name)
        .order_by(EntityRow.id, func.count().desc(), name)
    )
    return list(connection.execute(query))


def relations_of(connection: Connection, collection_id: int) -> list[Row[Any]]:
    """Every relation, with its document and the sentence that says so, whose place is the document's."""
    said = _quoted(RelationRow)
    source = aliased(EntityRow)
    query = (
        select(
            RelationRow.source_id,
            RelationRow.target_id,
            RelationRow.label,
            RelationRow.weight,
            RelationRow.chunk_id,
            DocumentRow.id.label("document_id"),
            DocumentRow.uri,
            ChunkRow.page,
            (ChunkRow.start + RelationRow.start).label("start"),
            (ChunkRow.start + RelationRow.end).label("end"),
            said.label("quote"),
        )
        .join(source, source.id == RelationRow.source_id)
        .join(ChunkRow, ChunkRow.id == RelationRow.chunk_id)
        .join(DocumentRow, DocumentRow.id == ChunkRow.document_id)
        .where(source.collection_id == collection_id)
        .order_by(RelationRow.id)
    )
    return list(connection.execute(query))


def _quoted(place: type[MentionRow] | type[RelationRow]) -> ColumnElement[str]:
    """The words there. PostgreSQL counts characters by 32 bits, and groups by nothing with a parameter."""
    first = cast(place.start + literal_column("1"), Integer)
    return func.substr(ChunkRow.text, first, cast(place.end - place.start, Integer))


def check_graph(connection: Connection) -> Iterator[Problem]:
    """Every entity is mentioned, and everything that was read lies within its chunk's text."""
    mentioned = exists().where(MentionRow.entity_id == EntityRow.id)
    for id_ in connection.scalars(select(EntityRow.id).where(~mentioned)):
        yield Problem(f"entity {id_}", "is mentioned by no chunk", _REBUILD)
    for table in (MentionRow, RelationRow):
        outside = (table.start < 0) | (table.end <= table.start) | (table.end > func.length(ChunkRow.text))
        query = select(ChunkRow.id).join(table, table.chunk_id == ChunkRow.id).where(outside).distinct()
        for id_ in connection.scalars(query):
            yield Problem(f"chunk {id_}", f"ends before some of its {table.__tablename__}", _REBUILD)
