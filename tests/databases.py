"""What tests do to a store's database behind its back, SQLite's or PostgreSQL's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import inspect, text

from ragent.store import Store
from ragent.store.database import DATABASE_NAME


def damage_by(store: Store, statement: str) -> None:
    """Run a statement, without a look at foreign keys."""
    if not store.database.is_postgresql:
        with closing(sqlite3.connect(store.home / DATABASE_NAME)) as database, database:
            database.execute(statement)
        return
    with store.database.engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql(statement)


def query(store: Store, statement: str) -> list[tuple[Any, ...]]:
    """What a query finds."""
    with store.database.engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(statement)]


def dump(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    with store.database.engine.connect() as connection:
        return {
            name: sorted(map(tuple, connection.exec_driver_sql(f'SELECT * FROM "{name}"')), key=repr)
            for name in inspect(connection).get_table_names()
        }


def bytes_held(store: Store) -> bytes:
    """All that the home's files hold, and the files of its database on a private server."""
    folders = [store.home]
    if store.database.is_postgresql:
        with store.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("CHECKPOINT")
            number = connection.scalar(text("SELECT oid FROM pg_database WHERE datname = current_database()"))
            data = Path(str(connection.scalar(text("SHOW data_directory"))))
        folders.append(data / "base" / str(number))
    return b"".join(path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file())


@contextmanager
def kept_busy(store: Store) -> Iterator[None]:
    """Somebody else, for as long as this lasts, writes all of the database."""
    if not store.database.is_postgresql:
        with closing(sqlite3.connect(store.home / DATABASE_NAME, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
        return
    with store.database.engine.connect() as connection:
        for name in inspect(connection).get_table_names():
            connection.exec_driver_sql(f'LOCK TABLE "{name}" IN ACCESS EXCLUSIVE MODE')
        yield
