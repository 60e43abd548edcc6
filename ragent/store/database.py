"""Opens the database of a home, SQLite's or PostgreSQL's: engine, migrations, errors."""

from __future__ import annotations

import functools
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, inspect, text
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError

from ragent.errors import StoreError
from ragent.store import postgresql, sqlite
from ragent.store.columns import POSTGRESQL

DATABASE_NAME = "ragent.db"
SCHEMA_HEAD = "0011"
"""The newest migration. Known without importing Alembic, which costs a tenth of a second."""

_MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class Database:
    """An open database: an engine for those who read, and what makes one for those who write."""

    engine: Engine
    readers: Engine

    @property
    def is_postgresql(self) -> bool:
        return self.engine.dialect.name == POSTGRESQL

    def writers(self, collection_id: int = postgresql.EVERYTHING) -> Engine:
        """An engine whose transactions wait for their turn to write: in one collection, or everywhere."""
        return self.engine.execution_options(writes=collection_id)


def open_database(home: Path, url: str = "") -> Database:
    """Open (and create or migrate, as needed) the database of a home: a file in it, or where `url` says.

    Raises:
        StoreError: the home is a file or can't be written, or its database can't be reached, is damaged or
            of a newer ragent.
        ConfigError: the URL is none of a PostgreSQL database.
    """
    _make_home(home)
    path = home / DATABASE_NAME
    engine = postgresql.postgresql_engine(url) if url else sqlite.sqlite_engine(path)
    where = postgresql.shown(url) if url else str(path)
    event.listen(engine, "handle_error", functools.partial(_explain, where))
    if url and _revision(engine) is None:
        postgresql.prepare(engine)
    _migrate(engine)
    return Database(engine, postgresql.read_only(engine) if url else engine)


def _make_home(home: Path) -> None:
    if home.exists() and not home.is_dir():
        raise StoreError(f"the home {home} is a file", hint="name a folder with --home or RAGENT_HOME")
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"can't make the home {home}: {error.strerror}", hint="choose another with --home"
        ) from error


def _explain(where: str, context: Any) -> None:
    """What goes wrong outside (a server, a disk, another process) is a StoreError, wherever it is met."""
    error = context.sqlalchemy_exception
    outside = isinstance(error, OperationalError | InterfaceError | InternalError)
    damaged = type(error).__name__ == "DatabaseError"
    if context.is_pre_ping or not isinstance(error, DBAPIError) or not (outside or damaged):
        return
    if context.is_disconnect and context.execution_context is not None:
        # SQLAlchemy drops the cursor as it is, and psycopg minds that of one that was being read from.
        with suppress(Exception):
            context.execution_context.cursor.close()
    dialect = postgresql if context.dialect.name == POSTGRESQL else sqlite
    message, hint = dialect.explain(context.original_exception)
    if context.connection is None:
        message = f"can't open {where}: {message}"
    raise StoreError(message, hint=hint) from error


def _migrate(engine: Engine) -> None:
    if _revision(engine) == SCHEMA_HEAD:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    with engine.execution_options(writes=postgresql.EVERYTHING).begin() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, SCHEMA_HEAD)
        except CommandError as error:
            raise StoreError(
                "this home was written by a newer ragent", hint="upgrade ragent, or use another --home"
            ) from error


def _revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if not _has_versions(connection):
            return None
        found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return found


def _has_versions(connection: Connection) -> bool:
    return bool(inspect(connection).has_table("alembic_version"))
