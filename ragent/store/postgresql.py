"""PostgreSQL with pgvector: the store of many writers, by URL.

Who writes takes its turn as with SQLite, by advisory locks that end with the transaction: writers of one
collection one after the other, so that its generations and the ids of its chunks ascend; writers of different
collections side by side; what concerns all of the database alone. Readers wait for nobody: they see the
database as of one moment (REPEATABLE READ).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from ragent.errors import ConfigError, MissingExtraError, StoreError
from ragent.store.columns import HalfBytes, to_json, to_wire

EVERYTHING = 0
"""What a transaction writes that isn't of one collection; else the collection's id."""

_NAMESPACE = 0x7261
_LOCK_TIMEOUT_MS = 60_000
_CONNECT_SECONDS = 10
_SILENCE_MS = 30_000
_OLDEST_SERVER, _OLDEST_PGVECTOR = 15, (0, 7)
_TEXTS = ("documents", "chunks", "names", "spans", "messages", "conversations", "feedback", "jobs")
_EXAMPLE = "such as postgresql+psycopg://user@host/database"


def parse_url(url: str) -> URL:
    """The URL of a PostgreSQL database, whose driver is psycopg. Raises ConfigError."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        # The text may hold a password.
        raise ConfigError("[store] url can't be read as the URL of a database", hint=_EXAMPLE) from None
    if parsed.drivername not in ("postgresql", "postgresql+psycopg"):
        raise ConfigError(f"[store] url: {parsed.drivername!r} isn't supported", hint=_EXAMPLE)
    return parsed.set(drivername="postgresql+psycopg")


def shown(url: str) -> str:
    """A database's URL without its password."""
    return parse_url(url).render_as_string(hide_password=True)


def postgresql_engine(url: str) -> Engine:
    """An engine over a server's database. Nothing is opened yet. Raises ConfigError or MissingExtraError."""
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            "PostgreSQL needs psycopg", hint="pip install 'ragent[postgresql]'"
        ) from error
    engine = create_engine(
        parse_url(url),
        connect_args={"connect_timeout": _CONNECT_SECONDS, "tcp_user_timeout": _SILENCE_MS},
        json_serializer=to_json,
        pool_pre_ping=True,
        pool_size=8,
        max_overflow=24,
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def prepare(engine: Engine) -> None:
    """See that the server is new enough and knows vectors. Raises StoreError."""
    with engine.execution_options(writes=EVERYTHING).begin() as connection:
        version = int(connection.scalar(text("SHOW server_version_num"))) // 10_000
        if version < _OLDEST_SERVER:
            raise StoreError(f"PostgreSQL {version} is too old", hint=f"{_OLDEST_SERVER} or newer is needed")
        if not _offered(connection):
            raise StoreError(
                "this PostgreSQL server has no pgvector",
                hint="install it there: Debian's package is postgresql-NN-pgvector",
            )
        connection.execute(text("CREATE EXTENSION IF NOT EXISTS vector"))
        held = connection.scalar(text("SELECT extversion FROM pg_extension WHERE extname = 'vector'"))
        if tuple(int(part) for part in str(held).split(".")[:2]) < _OLDEST_PGVECTOR:
            raise StoreError(f"pgvector {held} is too old", hint="0.7 or newer is needed, for halfvec")
    # Connections made before didn't know the type of vectors yet.
    engine.dispose()


def read_only(engine: Engine) -> Engine:
    """The engine for readers: each transaction sees one moment, and can't write."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def wait_briefly(connection: Connection, milliseconds: int) -> None:
    """Wait no longer than that for a turn, in this transaction."""
    connection.execute(text(f"SET LOCAL lock_timeout = {int(milliseconds)}"))


def explain(error: BaseException) -> tuple[str, str]:
    """What is wrong, and what to do about it."""
    import psycopg

    said = " ".join(str(error).split())
    if isinstance(error, psycopg.errors.LockNotAvailable | psycopg.errors.QueryCanceled):
        return "another process keeps the database busy", "try again when it is done"
    if isinstance(error, psycopg.errors.DiskFull):
        return "the disk of the database server is full", "make room there: what was committed stays"
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return f"the database doesn't allow it: {said}", "the user needs to own the database or schema"
    return f"the database server: {said}", "see that it runs and that [store] url is right, then try again"


def check_postgresql(connection: Connection) -> Iterator[tuple[str, str]]:
    """(where, what) is wrong with the database itself: indexes that a crash left half made."""
    query = text(
        "SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        "WHERE NOT i.indisvalid AND c.relnamespace = current_schema()::regnamespace"
    )
    for (name,) in connection.execute(query):
        yield f"index {name}", "is not valid"


def rewrite(engine: Engine) -> None:
    """Write the tables that held texts anew, so that their files keep no deleted row.

    The server's own log (WAL) and its backups are out of reach: they go as the server's settings say.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in _TEXTS:
            connection.execute(text(f"VACUUM FULL {table}"))


def _offered(connection: Connection) -> bool:
    query = text("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'")
    return connection.scalar(query) is not None


def _configure(connection: Any, _record: object) -> None:
    from psycopg.types import TypeInfo

    # A plan for a few rows takes less time to run than to compile.
    connection.execute(f"SET TIME ZONE 'UTC'; SET lock_timeout = {_LOCK_TIMEOUT_MS}; SET jit = off")
    known = TypeInfo.fetch(connection, "halfvec")
    connection.commit()
    if known:
        connection.adapters.register_dumper(HalfBytes, _half_dumper(known.oid))


@functools.cache
def _half_dumper(type_oid: int) -> Any:
    from psycopg.adapt import Dumper
    from psycopg.pq import Format

    class HalfDumper(Dumper):
        format = Format.BINARY
        oid = type_oid

        def dump(self, obj: Any) -> bytes:
            return to_wire(obj)

    return HalfDumper


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    if writes is None:
        return
    alone = "" if writes == EVERYTHING else "_shared"
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock{alone}({_NAMESPACE})")
    if writes != EVERYTHING:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_NAMESPACE}, {int(writes)})")
