"""Says what a database is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from ragent.store.copying import count_rows, tables_of
from ragent.store.database import Database
from ragent.store.postgresql import shown


@dataclass(frozen=True, slots=True)
class Description:
    """A database: which, where (without a password), of which schema, how large; rows by table."""

    kind: str
    where: str
    schema: str
    bytes: int
    tables: Mapping[str, int]


def describe(database: Database) -> Description:
    """Look at a database."""
    url = database.engine.url
    is_server = database.is_postgresql
    where = shown(url.render_as_string(hide_password=False)) if is_server else str(url.database)
    with database.readers.connect() as connection:
        kind, size = (_postgresql if is_server else _sqlite)(connection)
        schema = str(connection.scalar(text("SELECT version_num FROM alembic_version")))
        return Description(kind, where, schema, size, count_rows(connection, tables_of(connection)))


def _postgresql(connection: Connection) -> tuple[str, int]:
    version = connection.scalar(text("SHOW server_version"))
    vectors = connection.scalar(text("SELECT extversion FROM pg_extension WHERE extname = 'vector'"))
    size = connection.scalar(text("SELECT pg_database_size(current_database())"))
    return f"PostgreSQL {version} with pgvector {vectors}", int(size or 0)


def _sqlite(connection: Connection) -> tuple[str, int]:
    pages, size = (connection.scalar(text(f"PRAGMA {name}")) for name in ("page_count", "page_size"))
    return f"SQLite {connection.scalar(text('SELECT sqlite_version()'))}", int(pages or 0) * int(size or 0)
