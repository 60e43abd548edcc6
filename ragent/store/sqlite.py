"""SQLite: a home's database where no other is named."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, Engine, create_engine, event, text

from ragent.errors import StoreError

BUSY_SECONDS = 60.0
"""How long a transaction waits for its turn."""
_POLL_SECONDS = 0.05
_PATIENCE_SECONDS = 30.0
_REASONS = (
    (
        "disk is full",
        "the disk is full",
        "make room, then run the same command again: what was committed stays",
    ),
    ("locked", "another process keeps the database busy", "try again when it is done"),
    ("readonly", "the database can't be written", "check the rights of the home and its files"),
    ("disk I/O error", "the disk can't be read or written", "check the disk"),
    ("unable to open", "the database can't be opened", "check the rights of the home, and the disk"),
)


def sqlite_engine(path: Path) -> Engine:
    """An engine over one file. Nothing is opened yet."""
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


@contextmanager
def waiting_briefly(writers: Engine, milliseconds: int) -> Iterator[Connection]:
    """A transaction that waits no longer than that for its turn."""
    with writers.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute(f"PRAGMA busy_timeout = {milliseconds}")
        try:
            with connection.begin():
                yield connection
        finally:
            driver.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")


def explain(error: BaseException) -> tuple[str, str]:
    """What is wrong, and what to do about it."""
    # What its processes share in memory lies on the disk, too; without room for it, it only speaks of I/O.
    is_full = getattr(error, "sqlite_errorname", "") == "SQLITE_IOERR_SHMSIZE"
    said = "disk is full" if is_full else str(error)
    for sign, message, hint in _REASONS:
        if sign in said:
            return message, hint
    return said, "if it is damaged, restore a backup or ingest into a new home"


def check_sqlite(connection: Connection) -> Iterator[tuple[str, str]]:
    """(where, what) is wrong with the file itself."""
    for (line,) in connection.execute(text("PRAGMA integrity_check")):
        if line != "ok":
            yield "database", line
    for table, rowid, parent, _ in connection.execute(text("PRAGMA foreign_key_check")):
        yield f"{table} row {rowid}", f"belongs to a {parent} that is gone"


def overwrite_deleted(connection: Connection) -> None:
    """Have what is deleted from now on overwritten with zeros."""
    connection.exec_driver_sql("PRAGMA secure_delete = ON")
    connection.rollback()


def rewrite(connection: Connection) -> None:
    """Write the database anew, without what earlier deletions left behind, and empty its log.

    Raises:
        StoreError: another process keeps the database open in the middle of a read.
    """
    driver = cast(sqlite3.Connection, connection.connection.driver_connection)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            driver.execute("VACUUM")
            busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise StoreError(f"can't write the database anew: {error}", hint="check the disk") from error
            busy = True
        if not busy:
            return
        if time.monotonic() > deadline:
            raise StoreError(
                "another process is using this home, so deleted text may still be in its files",
                hint="stop other ragent processes, then run the same command again",
            )
        time.sleep(_POLL_SECONDS)


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
    writes = "writes" in connection.get_execution_options()
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
