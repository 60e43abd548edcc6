"""The HNSW indexes of pgvector: one a space of vectors, once that has so many that looking at all is slow.

An index is made beside reads and writes (CREATE INDEX CONCURRENTLY), by one process at a time. What a killed
one left is not valid: PostgreSQL passes it over, and the next who comes makes it anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, text

from ragent.config import IndexSettings

MOST_DIMENSIONS = 4000
"""pgvector's limit for `halfvec`."""

_FEW = 10_000
"""So few are faster, or nearly so, looked at one by one, which is exact and needs no building."""
_SLACK = 1.25
"""An index is kept until there are fewer by this factor."""
_PREFIX = "ix_vectors_hnsw_"
_NAMESPACE = 0x7262
_LEAST_MEMORY_MB, _MOST_MEMORY_MB = 64, 4096
_BYTES_A_LINK = 24


@dataclass(frozen=True, slots=True)
class Graph:
    """An index as the database knows it; `made_with`: m and ef_construction."""

    name: str
    is_valid: bool
    made_with: tuple[int, int]
    bytes: int

    @property
    def space_id(self) -> int:
        return int(self.name.removeprefix(_PREFIX))


def name_of(space_id: int) -> str:
    """What the index of a space is called."""
    return f"{_PREFIX}{space_id}"


def wanted(settings: IndexSettings, dimension: int, count: int, *, has_one: bool) -> bool:
    """Whether a space of so many vectors is to have an index."""
    if dimension > MOST_DIMENSIONS or settings.kind == "flat" or not count:
        return False
    return settings.kind == "hnsw" or count * (_SLACK if has_one else 1) >= _FEW


def graphs(connection: Connection) -> list[Graph]:
    """All of them, whole or not."""
    rows = connection.execute(
        text(
            "SELECT c.relname, i.indisvalid, array_to_string(c.reloptions, ','), pg_relation_size(c.oid) "
            "FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
            "WHERE c.relnamespace = current_schema()::regnamespace AND starts_with(c.relname, :prefix)"
        ),
        {"prefix": _PREFIX},
    )
    return [Graph(name, valid, _made_with(options or ""), size) for name, valid, options, size in rows]


def graph_of(connection: Connection, space_id: int) -> Graph | None:
    """That of a space."""
    return next((graph for graph in graphs(connection) if graph.space_id == space_id), None)


@dataclass(frozen=True, slots=True)
class Keeper:
    """Brings the index of one space to what the settings want."""

    engine: Engine
    space_id: int
    dimension: int
    settings: IndexSettings

    def keep(self, count: int, *, anew: bool = False) -> bool:
        """Make, drop or leave the index of a space of so many vectors; whether it was made.

        Those of spaces that are gone, and what was left half made, are dropped. Where another process is at
        it, nothing is done.
        """
        with self._alone() as connection:
            return connection is not None and self._keep(connection, count, anew)

    def _keep(self, connection: Connection, count: int, anew: bool) -> bool:
        spaces = set(connection.scalars(text("SELECT id FROM spaces")))
        mine = None
        for graph in graphs(connection):
            if graph.space_id not in spaces or (graph.space_id == self.space_id and not graph.is_valid):
                _drop(connection, graph.name)
            elif graph.space_id == self.space_id:
                mine = graph
        needed = wanted(self.settings, self.dimension, count, has_one=mine is not None)
        if mine is not None and (anew or not needed or mine.made_with != self._made_with):
            _drop(connection, mine.name)
            mine = None
        if needed and mine is None:
            self._make(connection, count)
            return True
        return False

    def _make(self, connection: Connection, count: int) -> None:
        m, ef_construction = self._made_with
        need = 1.5 * count * (2 * self.dimension + 2 * m * _BYTES_A_LINK) / 1e6
        memory = int(min(max(need, _LEAST_MEMORY_MB), _MOST_MEMORY_MB))
        connection.execute(text(f"SET maintenance_work_mem = '{memory}MB'"))
        connection.execute(
            text(
                f"CREATE INDEX CONCURRENTLY {name_of(self.space_id)} ON vectors "
                f"USING hnsw ((data::halfvec({self.dimension})) halfvec_ip_ops) "
                f"WITH (m = {m}, ef_construction = {ef_construction}) WHERE space_id = {self.space_id}"
            )
        )
        for table in ("vectors", "chunks", "documents", "chunk_words", "postings"):
            # What the planner knows of them may be from when they were empty.
            connection.execute(text(f"ANALYZE {table}"))

    @property
    def _made_with(self) -> tuple[int, int]:
        m = min(self.settings.hnsw_m, 100)
        return m, min(max(self.settings.hnsw_ef_construction, 2 * m), 1000)

    @contextmanager
    def _alone(self) -> Iterator[Connection | None]:
        """A connection that holds the right to change indexes; None where another one does."""
        lock = {"namespace": _NAMESPACE, "space": self.space_id}
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # It may have to wait long for others' transactions to end.
            connection.execute(text("SET lock_timeout = 0"))
            mine = connection.scalar(text("SELECT pg_try_advisory_lock(:namespace, :space)"), lock)
            try:
                yield connection if mine else None
            finally:
                # With the connection go its settings, and the lock, whatever state it is in.
                connection.invalidate()


def _drop(connection: Connection, name: str) -> None:
    connection.execute(text(f"DROP INDEX CONCURRENTLY IF EXISTS {name}"))


def _made_with(options: str) -> tuple[int, int]:
    found: dict[str, Any] = dict(re.findall(r"(\w+)=(\d+)", options))
    return int(found.get("m", 0)), int(found.get("ef_construction", 0))
