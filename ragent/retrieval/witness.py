"""Tells a derived file of this database from one of another.

A generation is only a number: a database that was deleted and made anew, or restored from a backup, counts
through the same ones with other contents. So a file also carries checksums of the newest vectors it shows.
Histories part at their newest end, which is why these tell them apart.
"""

from __future__ import annotations

from collections.abc import Mapping

import xxhash
from sqlalchemy import select

from ragent.store import Snapshot
from ragent.store.tables import VectorRow

_COUNT = 32


def testify(snapshot: Snapshot) -> dict[str, str]:
    """Checksums of the newest vectors, by chunk id."""
    newest = (
        select(VectorRow.chunk_id, VectorRow.data)
        .where(VectorRow.space_id == snapshot.space_id)
        .order_by(VectorRow.chunk_id.desc())
        .limit(_COUNT)
    )
    return {str(id_): _checksum(data) for id_, data in snapshot.connection.execute(newest)}


def holds(witness: Mapping[str, str], generation: int, snapshot: Snapshot) -> bool:
    """Whether a file of that generation, with that witness, shows an earlier moment of this very database."""
    if generation > snapshot.generation:
        return False
    ids = [int(id_) for id_ in witness]
    query = select(VectorRow.chunk_id, VectorRow.data).where(
        VectorRow.space_id == snapshot.space_id, VectorRow.chunk_id.in_(ids)
    )
    found = {id_: _checksum(data) for id_, data in snapshot.connection.execute(query)}
    gone = set(snapshot.deleted(generation).tolist())
    return all(found[i] == witness[str(i)] if i in found else i in gone for i in ids)


def _checksum(data: bytes) -> str:
    return xxhash.xxh3_64_hexdigest(data)
