"""Copies a whole database into an empty one, of the same kind or another, and proves that they are equal.

The source is read as of one moment. The target is written in one transaction, which ends only after all was
read back and compared: whoever is killed before leaves the target as empty as it was. Ids and generations
stay what they are, and the counters behind them, so that no id is ever given twice. What is derived from
other rows, or of use to the processes of the source alone, is left out.

What the two kinds can't both hold is equal here by decree: U+0000 is U+FFFD, and so is half a surrogate pair;
a number in JSON is its value, however it is written, and one that is none is null (`ragent.store.columns`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Context, Decimal
from typing import Any

import xxhash
from sqlalchemy import Connection, Table, func, insert, inspect, select, text

from ragent.errors import StoreError
from ragent.store import people_tables as people_tables  # its tables are part of the metadata
from ragent.store import words
from ragent.store.columns import POSTGRESQL, speakable
from ragent.store.database import Database
from ragent.store.tables import Base, CollectionRow, LeaseRow

_ROWS_A_TURN = 256
_LEFT_OUT = {LeaseRow.__tablename__}
_HASHES = 1 << 128
_EXACT = Context(prec=1000)

Told = Callable[[str, int, int], None]
"""Is told what goes on (copying, comparing), and how many rows of how many are done."""


@dataclass(frozen=True, slots=True)
class Content:
    """How many rows a table has, and the sum of their hashes, in whatever order they come."""

    rows: int = 0
    checksum: int = 0

    def plus(self, rows: Sequence[Any]) -> Content:
        """With more rows."""
        added = sum(_hash(tuple(row)) for row in rows)
        return Content(self.rows + len(rows), (self.checksum + added) % _HASHES)


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied: rows, by table. `verified`: both sides were read and are equal."""

    tables: Mapping[str, int]
    verified: bool
    seconds: float


def copy_database(source: Database, target: Database, on_progress: Told = lambda *_: None) -> Copied:
    """Copy everything from one database into another, which is empty.

    Raises:
        StoreError: the target isn't empty, or what is read back from it isn't what was written.
    """
    started = time.perf_counter()
    with source.readers.connect() as reader, target.writers().begin() as writer:
        require_empty(writer)
        tables = tables_of(reader)
        total = sum(count_rows(reader, tables).values())
        if not total:
            raise StoreError("there is nothing to copy: the source has no rows", hint="is it the right one?")
        copied = _copy(reader, writer, tables, _Counted("copying", total, on_progress))
        _carry_counters(reader, writer, tables)
        _derive(writer)
        counted = _Counted("comparing", total, on_progress)
        for table in tables:
            held = Content()
            for rows in _rows(writer, table):
                held = held.plus(rows)
                counted.add(len(rows))
            if held != copied[table.name]:
                raise StoreError(
                    f"table {table.name} was copied wrongly: {held.rows} rows of {copied[table.name].rows}",
                    hint="nothing was kept; see that nobody else writes to the target, then try again",
                )
    seconds = time.perf_counter() - started
    return Copied({name: content.rows for name, content in copied.items()}, True, seconds)


def contents(database: Database) -> dict[str, Content]:
    """Of every table that is copied: two databases are equal where these are."""
    with database.readers.connect() as connection:
        found = dict.fromkeys((table.name for table in tables_of(connection)), Content())
        for table in tables_of(connection):
            for rows in _rows(connection, table):
                found[table.name] = found[table.name].plus(rows)
    return found


def tables_of(connection: Connection) -> list[Table]:
    """What is copied: parents before their children."""
    there = set(inspect(connection).get_table_names())
    return [table for table in Base.metadata.sorted_tables if table.name in there - _LEFT_OUT]


def count_rows(connection: Connection, tables: Sequence[Table]) -> dict[str, int]:
    """How many rows each table has."""
    counted = {table.name: connection.scalar(select(func.count()).select_from(table)) for table in tables}
    return {name: int(count or 0) for name, count in counted.items()}


def require_empty(connection: Connection) -> None:
    """Raises StoreError where any table has rows."""
    filled = [name for name, count in count_rows(connection, tables_of(connection)).items() if count]
    if filled:
        raise StoreError(
            f"the target isn't empty: it has {', '.join(filled)}",
            hint="name a new home or a new database; nothing is ever copied over something",
        )


def _derive(writer: Connection) -> None:
    """What PostgreSQL keeps besides: the words of all chunks."""
    if words.has_words(writer):
        for collection_id in writer.scalars(select(CollectionRow.id)).all():
            words.fill(writer, collection_id)


class _Counted:
    """Adds up the rows that are done, and tells."""

    def __init__(self, what: str, total: int, told: Told) -> None:
        self._what, self._total, self._told, self._done = what, total, told, 0

    def add(self, rows: int) -> None:
        self._done += rows
        self._told(self._what, self._done, self._total)


def _copy(
    reader: Connection, writer: Connection, tables: Sequence[Table], counted: _Counted
) -> dict[str, Content]:
    copied = {}
    for table in tables:
        content = Content()
        for rows in _rows(reader, table):
            writer.execute(insert(table), [_values(table, row) for row in rows])
            content = content.plus(rows)
            counted.add(len(rows))
        copied[table.name] = content
    return copied


def _rows(connection: Connection, table: Table) -> Iterator[Sequence[Any]]:
    query = select(table).order_by(*table.primary_key)
    result = connection.execute(query, execution_options={"yield_per": _ROWS_A_TURN})
    yield from result.partitions()


def _values(table: Table, row: Any) -> dict[str, Any]:
    return {column.name: _aware(value) for column, value in zip(table.columns, row, strict=True)}


def _aware(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


# -- counters of ids ----------------------------------------------------------------------------------------


def _carry_counters(reader: Connection, writer: Connection, tables: Sequence[Table]) -> None:
    """The target goes on counting where the source is, beyond the ids of rows that are gone, too."""
    for table in tables:
        if table.dialect_options["sqlite"]["autoincrement"]:
            last = max(_last(reader, table.name), _last(writer, table.name))
            if last:
                _set_last(writer, table.name, last)


def _last(connection: Connection, table: str) -> int:
    """The largest id that was ever given to a row."""
    if connection.dialect.name != POSTGRESQL:
        return connection.scalar(text("SELECT seq FROM sqlite_sequence WHERE name = :t"), {"t": table}) or 0
    sequence = connection.scalar(text("SELECT pg_get_serial_sequence(:t, 'id')"), {"t": table})
    query = f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}"  # noqa: S608
    given = connection.scalar(text(query))
    held = connection.scalar(text(f"SELECT max(id) FROM {table}"))  # noqa: S608 (a table of ours)
    return max(given or 0, held or 0)


def _set_last(connection: Connection, table: str, last: int) -> None:
    given = {"t": table, "last": last}
    if connection.dialect.name == POSTGRESQL:
        connection.execute(text("SELECT setval(pg_get_serial_sequence(:t, 'id'), :last)"), given)
        return
    connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :t"), given)
    connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:t, :last)"), given)


# -- what is equal ------------------------------------------------------------------------------------------


def _hash(row: tuple[Any, ...]) -> int:
    written = json.dumps([_canonical(value) for value in row], sort_keys=True)
    return xxhash.xxh3_128_intdigest(written.encode())


def _canonical(value: Any) -> Any:  # noqa: PLR0911 (a kind a line)
    """A value as JSON that is the same for both kinds of database."""
    match value:
        case int() | float() if not isinstance(value, bool):
            number = Decimal(repr(value))
            return ["number", str(_EXACT.normalize(number) + 0)] if number.is_finite() else None
        case str():
            return speakable(value)
        case bytes():
            return ["bytes", value.hex()]
        case datetime():
            return ["time", _aware(value).astimezone(UTC).isoformat()]
        case dict():
            return {speakable(name): _canonical(part) for name, part in value.items()}
        case list() | tuple():
            return ["list", *map(_canonical, value)]
    return value
