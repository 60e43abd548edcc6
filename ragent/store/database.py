"""Opens the database of a home: engine, SQLite settings, migrations."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DatabaseError

from ragent.errors import StoreError

DATABASE_NAME = "ragent.db"
SCHEMA_HEAD = "0009"
"""The newest migration. Known without importing Alembic, which costs a tenth of a second."""

_MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_SECONDS = 60.0
"""How long a transaction waits for its turn."""
_POLL_SECONDS = 0.05


def open_engine(home: Path) -> Engine:
    """Open (and create or migrate, as needed) the database of a home.

    Raises:
        StoreError: the home is a file or can't be written, or its database is damaged or of a newer ragent.
    """
    if home.exists() and not home.is_dir():
        raise StoreError(f"the home {home} is a file", hint="name a folder with --home or RAGENT_HOME")
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"can't make the home {home}: {error.strerror}", hint="choose another with --home"
        ) from error
    path = home / DATABASE_NAME
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    try:
        _migrate(engine)
    except DatabaseError as error:
        raise StoreError(
            f"can't open {path}: {error.orig}",
            hint="if it is damaged, restore a backup or ingest into a new home",
        ) from error
    return engine


def _configure(connection: Any, _record: object) -> None:
    # Transactions are begun by us (below): the driver's own would start too late to take the write lock.
    connection.isolation_level = None
    cursor = connection.cursor()
    _use_wal(cursor)
    for pragma in (
        "synchronous = NORMAL",  # a crash of the process loses nothing; one of the machine, the last commits
        "foreign_keys = ON",
        "cache_size = -65536",
        "mmap_size = 1073741824",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _use_wal(cursor: sqlite3.Cursor) -> None:
    # SQLite doesn't wait for its turn here, where two processes make the same home.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_POLL_SECONDS)
        else:
            return


def _begin(connection: Connection) -> None:
    # A writer takes its lock at once and waits its turn there; upgrading later could only fail.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _migrate(engine: Engine) -> None:
    if _revision(engine) == SCHEMA_HEAD:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    with engine.execution_options(writes=True).begin() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, SCHEMA_HEAD)
        except CommandError as error:
            raise StoreError(
                "this home was written by a newer ragent", hint="upgrade ragent, or use another --home"
            ) from error


def _revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return found
