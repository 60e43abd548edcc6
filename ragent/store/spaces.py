"""A collection's vectors made anew beside those in use: an inactive space that fills up, then takes over.

A chunk's text never changes under its id, so a vector that was made once stays right as long as its chunk is
there, and goes with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import ColumnElement, Connection, delete, exists, func, insert, select, update

from ragent.errors import StoreError
from ragent.store.tables import ChunkRow, CollectionRow, SpaceRow, VectorRow
from ragent.types import Fingerprint

_IDS_A_QUERY = 500


@dataclass(frozen=True, slots=True)
class Unembedded:
    """A chunk that has no vector in a space yet."""

    chunk_id: int
    context: str
    text: str


def begin_space(connection: Connection, collection_id: int, fingerprint: Fingerprint) -> int:
    """The id of an inactive space for vectors of that fingerprint: the one that is there, or a new one.

    Inactive spaces of other fingerprints are dropped.
    """
    found = None
    for row in connection.execute(
        select(SpaceRow.id, SpaceRow.fingerprint).where(_unfinished(collection_id))
    ):
        if found is None and Fingerprint(**row.fingerprint) == fingerprint:
            found = row.id
        else:
            connection.execute(delete(SpaceRow).where(SpaceRow.id == row.id))
    if found is not None:
        return int(found)
    values = {"collection_id": collection_id, "active": False, "fingerprint": asdict(fingerprint)}
    return int(connection.scalars(insert(SpaceRow).values(**values).returning(SpaceRow.id)).one())


def drop_unfinished(connection: Connection, collection_id: int) -> int:
    """Drop inactive spaces with their vectors; how many vectors there were."""
    spaces = select(SpaceRow.id).where(_unfinished(collection_id))
    count = connection.scalar(select(func.count()).where(VectorRow.space_id.in_(spaces)))
    connection.execute(delete(SpaceRow).where(_unfinished(collection_id)))
    return int(count or 0)


def count_vectors(connection: Connection, space_id: int) -> int:
    """How many vectors a space holds."""
    return int(connection.scalar(select(func.count()).where(VectorRow.space_id == space_id)) or 0)


def unembedded(
    connection: Connection, collection_id: int, space_id: int, *, after: int = 0, most: int = 1000
) -> list[Unembedded]:
    """The first chunks, in order of id and beyond `after`, that have no vector in the space."""
    query = select(ChunkRow.id, ChunkRow.context, ChunkRow.text)
    lacking = query.where(ChunkRow.id > after, _lacks_vector(collection_id, space_id))
    return [Unembedded(*row) for row in connection.execute(lacking.order_by(ChunkRow.id).limit(most))]


def add_vectors(
    connection: Connection, collection_id: int, space_id: int, vectors: Mapping[int, bytes]
) -> int:
    """Keep the vectors, by chunk id, of the chunks that are still there and have none; how many those were.

    Raises:
        StoreError: the space was dropped meanwhile.
    """
    _require_there(connection, space_id)
    ids = list(vectors)
    wanted: list[int] = []
    for first in range(0, len(ids), _IDS_A_QUERY):
        some = ChunkRow.id.in_(ids[first : first + _IDS_A_QUERY])
        wanted += connection.scalars(select(ChunkRow.id).where(some, _lacks_vector(collection_id, space_id)))
    if wanted:
        rows = [{"space_id": space_id, "chunk_id": id_, "data": vectors[id_]} for id_ in wanted]
        connection.execute(insert(VectorRow), rows)
    return len(wanted)


def take_over(connection: Connection, collection_id: int, space_id: int) -> bool:
    """Make the space the collection's own and drop every other; False, and nothing is done, if chunks lack.

    The collection's generation advances, so that whoever has the old space open notices.

    Raises:
        StoreError: the space was dropped meanwhile.
    """
    _require_there(connection, space_id)
    if unembedded(connection, collection_id, space_id, most=1):
        return False
    connection.execute(update(SpaceRow).where(SpaceRow.id == space_id).values(active=True))
    others = (SpaceRow.collection_id == collection_id) & (SpaceRow.id != space_id)
    connection.execute(delete(SpaceRow).where(others))
    advance = update(CollectionRow).where(CollectionRow.id == collection_id)
    connection.execute(advance.values(generation=CollectionRow.generation + 1))
    return True


def require_active(connection: Connection, space_id: int) -> None:
    """Raises StoreError unless the space is still its collection's own."""
    if connection.scalar(select(SpaceRow.id).where(SpaceRow.id == space_id, SpaceRow.active)) is None:
        raise StoreError(
            "this collection was embedded anew by another process",
            hint="start this one again, with the [embedder] that was used there",
        )


def _require_there(connection: Connection, space_id: int) -> None:
    if connection.scalar(select(SpaceRow.id).where(SpaceRow.id == space_id)) is None:
        raise StoreError(
            "this re-embedding was abandoned by another process", hint="ragent reembed begins another"
        )


def _unfinished(collection_id: int) -> ColumnElement[bool]:
    return (SpaceRow.collection_id == collection_id) & ~SpaceRow.active


def _lacks_vector(collection_id: int, space_id: int) -> ColumnElement[bool]:
    # The sum keeps SQLite from walking the collection's index, which is in another order than the ids.
    of_collection = ChunkRow.collection_id + 0 == collection_id
    vector = select(VectorRow.chunk_id).where(
        VectorRow.space_id == space_id, VectorRow.chunk_id == ChunkRow.id
    )
    return of_collection & ~exists(vector)
