"""SQL over a SQLite database that can only be read, which the driver sees to.

The file is opened with `mode=ro` and `query_only`, and an authorizer refuses every action but reading: no
ATTACH, PRAGMA, transaction or function that loads code. A progress handler ends what takes too long, and
limits of the connection keep values small.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ragent.agent.tool import tool
from ragent.agent.toolbox import ToolContext
from ragent.agent.tools.showing import bounded
from ragent.config import ToolSettings
from ragent.errors import ConfigError, ToolError
from ragent.types import Tool

_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE}
# The last two fill up to 2 GB in one step, which no time limit ends.
_DANGEROUS = {"load_extension", "fts3_tokenizer", "format", "printf"}
_LONGEST_PATTERN = 1000
_LONGEST_VALUE = 10_000_000
_LONGEST_QUERY = 20_000
_CELL = 300
_STEPS = 10_000
_URL = "sqlite:///"
_TABLES = """SELECT name, sql FROM sqlite_schema
    WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"""


def open_sql(context: ToolContext) -> Tool:
    """The tool `sql`. Raises ConfigError where no database is named, or it is none of SQLite."""
    settings = context.settings
    file = _file(settings.database)

    @tool(tainted=True)
    def sql(query: str = "") -> str:
        """Ask a SQLite database with one SELECT statement, and get its rows as a table.

        First call it without a query: that lists the tables and their columns. The database can't be changed.

        Args:
            query: one SELECT (or WITH … SELECT) in SQLite's dialect; empty: list tables and columns.
        """
        if len(query) > _LONGEST_QUERY:
            raise ToolError(f"the query is longer than {_LONGEST_QUERY} characters")
        with _connected(file, settings.sql_seconds) as connection:
            if not query.strip():
                return bounded(_schema(connection), settings.result_chars)
            return bounded(_rows(connection, query, settings), settings.result_chars, "select less")

    return sql


def _file(database: str) -> Path:
    if not database:
        raise ConfigError("sql has no database", hint="name a SQLite file in [tools] database")
    if "://" in database and not database.startswith(_URL):
        raise ConfigError(
            f"sql reads SQLite files only, not {database.partition('://')[0]}",
            hint="name a SQLite file in [tools] database",
        )
    file = Path(database.removeprefix(_URL)).expanduser().absolute()
    try:
        with file.open("rb") as opened:
            is_sqlite = opened.read(16) in (b"SQLite format 3\0", b"")
    except OSError as error:
        raise ConfigError(f"[tools] database: can't read {file}: {error.strerror}") from None
    if not is_sqlite:
        raise ConfigError(f"[tools] database: {file} is no SQLite file")
    return file


@contextmanager
def _connected(file: Path, seconds: float) -> Iterator[sqlite3.Connection]:
    """A connection that can only read. What goes wrong with it is a ToolError."""
    deadline = time.monotonic() + seconds
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=seconds)) as connection:
            connection.execute("PRAGMA query_only = ON")
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
            connection.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, _LONGEST_PATTERN)
            connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
            connection.text_factory = lambda data: data.decode("utf-8", "replace")
            connection.set_authorizer(_authorize)
            connection.set_progress_handler(lambda: int(time.monotonic() > deadline), _STEPS)
            yield connection
    except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError, MemoryError) as error:
        if str(error) == "interrupted":
            raise ToolError(f"stopped: the query took over {seconds:g} seconds") from None
        hint = "the database can only be read" if "not authorized" in str(error) else ""
        raise ToolError(f"the database refused the query: {error}", hint=hint) from None


def _authorize(
    action: int, first: str | None, second: str | None, database: str | None, trigger: str | None
) -> int:
    if action in _READING:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() not in _DANGEROUS:
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _schema(connection: sqlite3.Connection) -> str:
    found = [" ".join((sql or name).split()) for name, sql in connection.execute(_TABLES)]
    return "\n".join(found) or "the database has no tables"


def _rows(connection: sqlite3.Connection, query: str, settings: ToolSettings) -> str:
    cursor = connection.execute(query)
    if cursor.description is None:
        raise ToolError("this is no query that gives rows", hint="write one SELECT statement")
    rows = cursor.fetchmany(settings.sql_rows + 1)
    header = [column[0] for column in cursor.description]
    lines = [_line(row) for row in [header, *rows[: settings.sql_rows]]]
    if len(rows) > settings.sql_rows:
        lines.append(f"[only the first {settings.sql_rows} rows are shown; use LIMIT, or count and sum]")
    else:
        lines.append(f"[{len(rows)} rows]")
    return "\n".join(lines)


def _line(row: Sequence[Any]) -> str:
    return " | ".join(_cell(value) for value in row)


def _cell(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"[{len(value)} bytes]"
    text = " ".join(str(value).split())
    return text if len(text) <= _CELL else f"{text[:_CELL]}… [{len(text)} characters]"
