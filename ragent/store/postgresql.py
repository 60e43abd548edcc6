"""PostgreSQL with pgvector: the store of many writers, by URL.

Who writes takes its turn as with SQLite, by advisory locks that end with the transaction: writers of one
collection one after the other, so that its generations and the ids of its chunks ascend; writers of different
collections side by side; what concerns all of the database alone. Readers wait for nobody: they see the
database as of one moment (REPEATABLE READ).
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Sequence
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
_PATIENCE_SECONDS = 30.0
_POLL_SECONDS = 0.05
_SAMPLES = ("most_common_vals", "histogram_bounds", "most_common_elems")
_SECRETS = ("password", "sslpassword")
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
    return parse_url(url).difference_update_query(_SECRETS).render_as_string(hide_password=True)


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
    """(where, what) is wrong: indexes that a crash left half made, and rows whose parent is gone.

    A backup that was restored without its keys may hold such rows.
    """
    query = text(
        "SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        "WHERE NOT i.indisvalid AND c.relnamespace = current_schema()::regnamespace"
    )
    for (name,) in connection.execute(query):
        yield f"index {name}", "is not valid"
    references = text(
        "SELECT c.conrelid::regclass::text, a.attname, c.confrelid::regclass::text, b.attname "
        "FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] "
        "JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = c.confkey[1] "
        "WHERE c.contype = 'f' AND c.connamespace = current_schema()::regnamespace"
    )
    for child, column, parent, key in connection.execute(references).all():
        orphans = text(
            f'SELECT DISTINCT c."{column}" FROM {child} c LEFT JOIN {parent} p ON p."{key}" = c."{column}" '  # noqa: S608
            f'WHERE p."{key}" IS NULL AND c."{column}" IS NOT NULL'
        )
        for (value,) in connection.execute(orphans):
            yield f"{child} of {value}", f"belongs to a {parent} that is gone"


def texts_of(connection: Connection) -> dict[str, list[str]]:
    """By table of the schema, quoted, the columns that can hold words, as SQL that gives their bytes."""
    query = text(
        "SELECT quote_ident(c.relname), CASE WHEN a.atttypid = 'bytea'::regtype THEN quote_ident(a.attname) "
        "ELSE format('convert_to(%I::text, ''UTF8'')', a.attname) END FROM pg_attribute a "
        "JOIN pg_class c ON c.oid = a.attrelid WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped "
        "AND c.relnamespace = current_schema()::regnamespace AND a.atttypid IN ('text'::regtype, "
        "'varchar'::regtype, 'json'::regtype, 'jsonb'::regtype, 'bytea'::regtype, 'tsvector'::regtype) "
        "ORDER BY c.relname, a.attnum"
    )
    found: dict[str, list[str]] = {}
    for table, held in connection.execute(query):
        found.setdefault(table, []).append(held)
    return found


def search_tables(engine: Engine, needles: Sequence[bytes]) -> tuple[int, list[str]]:
    """How many rows there are, and the names of tables, and samples of them, that hold one of the needles.

    Everything is searched as bytes: those of texts and of JSON are UTF-8.
    """
    rows = 0
    found = []
    with engine.connect() as connection:
        for table, columns in texts_of(connection).items():
            one = " OR ".join(map(_holds, columns))
            query = text(f"SELECT count(*), count(*) FILTER (WHERE {one}) FROM {table}")  # noqa: S608
            searched, holding = connection.execute(query, {"needles": list(needles)}).one()
            rows += searched
            found += [f"table {table}"] * bool(holding)
        sampled = [_holds(f"convert_to({name}::text, 'UTF8')") for name in _SAMPLES]
        query = text(
            f"SELECT DISTINCT tablename FROM pg_stats WHERE schemaname = current_schema() "  # noqa: S608
            f"AND ({' OR '.join(sampled)})"
        )
        samples = connection.scalars(query, {"needles": list(needles)})
        found += [f"samples of table {table}" for table in samples]
    return rows, found


def _holds(held: str) -> str:
    return f"EXISTS (SELECT FROM unnest(CAST(:needles AS bytea[])) one WHERE position(one IN {held}) > 0)"


def rewrite(engine: Engine) -> None:
    """Write every table that holds words anew, so that the database's files keep none of a deleted row.

    So are what the planner knows of them, for it takes samples. The server's own log (WAL), its replicas and
    its backups are out of reach: they go as the server's settings say.

    Raises:
        StoreError: another process keeps the database open in the middle of a read.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        _wait_for_readers(connection)
        for table in texts_of(connection):
            connection.execute(text(f"VACUUM (FULL, ANALYZE) {table}"))
        # Who doesn't own the database gets a warning here, and autovacuum does it in time.
        connection.execute(text("VACUUM FULL pg_catalog.pg_statistic"))


def _wait_for_readers(connection: Connection) -> None:
    """Until nobody sees any more what is deleted: for them, VACUUM would keep it."""
    now = connection.scalar(text("SELECT pg_snapshot_xmax(pg_current_snapshot())::xid::text"))
    older = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND backend_type = 'client backend' "
        "AND age(backend_xmin) > age(CAST(:now AS xid))"
    )
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while connection.scalar(older, {"now": now}):
        if time.monotonic() > deadline:
            raise StoreError(
                "another process is reading this database, so deleted text may still be in its files",
                hint="stop other ragent processes, then run the same command again",
            )
        time.sleep(_POLL_SECONDS)


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
