"""Rows of an SQL database, through SQLAlchemy: each is a document."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, unquote

import xxhash

from ragent.errors import MissingExtraError, SourceError
from ragent.types import Changes, Item, RawDocument
from ragent_connectors.containers.naming import SEPARATOR
from ragent_connectors.sources.options import split_options

if TYPE_CHECKING:
    import sqlalchemy as sa
    from sqlalchemy.sql.selectable import Subquery

_PORTION = 1000
# Three slashes and a path; what begins with file: is a URI with rules of its own.
_CONNECT_SECONDS = 10
_DRIVERS_WITH_TIMEOUT = {"mysqldb", "psycopg", "psycopg2", "pymysql"}
_SQLITE_FILE = re.compile(r"(sql\+sqlite(?:\+\w+)?:///)(?!file:)([^?]+)(\?.*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RowQuery:
    """Which rows are documents.

    `query` is a SELECT; `key` names the column that identifies a row, `cursor` one that never decreases from
    one change of a row to the next (a time of change, a counter); without it, rows are compared whole.
    `name` stands in the documents' uris: give one where two queries share a database.
    """

    query: str
    key: str
    cursor: str = ""
    name: str = "rows"


class SqlSource:
    """Rows as documents: one line `column: value` for each column that is not empty.

    Opened by `sql+sqlite:///a.db#query=SELECT …&key=id&cursor=updated_at`; any SQLAlchemy URL does.
    Nothing is ever written: each read ends in a rollback.
    """

    def __init__(self, url: str, rows: RowQuery, *, max_bytes: int) -> None:
        self._url = url
        self._rows = rows
        self._max_bytes = max_bytes

    @staticmethod
    def accepts(argument: str) -> bool:
        """Takes `sql+` before an SQLAlchemy URL."""
        return argument.lower().startswith("sql+")

    @classmethod
    def open(cls, argument: str, *, max_bytes: int) -> Self | PolledSqlSource:
        """The source for a URL whose fragment names query and key, and maybe cursor and name.

        With a cursor column it can be polled.

        Raises:
            SourceError: query or key is missing.
        """
        names = ("query", "key", "cursor", "name")
        url, options = split_options(argument[len("sql+") :], dict.fromkeys(names, str))
        if not options.get("query") or not options.get("key"):
            raise SourceError(
                "can't read a database without a query and a key",
                hint="sql+sqlite:///a.db#query=SELECT id, text FROM notes&key=id",
            )
        source = cls(url, RowQuery(**options), max_bytes=max_bytes)
        return PolledSqlSource(source) if options.get("cursor") else source

    @staticmethod
    def absolute(argument: str) -> str:
        """The argument with the absolute path of an SQLite file, if that is what it names."""
        address, hash_, options = argument.partition("#")
        match = _SQLITE_FILE.fullmatch(address)
        if match is None or match[2] == ":memory:":
            return argument
        return f"{match[1]}{Path(match[2]).absolute().as_posix()}{match[3] or ''}{hash_}{options}"

    @property
    def uri(self) -> str:
        """The database's URL without user, password and parameters, and the query's name."""
        import sqlalchemy as sa

        url = sa.engine.make_url(self._url)
        bare = sa.URL.create(url.drivername, host=url.host, port=url.port, database=url.database)
        return f"sql+{bare.render_as_string()}{SEPARATOR}{quote(self._rows.name)}"

    def items(self) -> Iterator[Item]:
        """All rows, by key and cursor alone; where there is no cursor column, by a hash of the whole row.

        Raises:
            SourceError: the database can't be reached, or refuses the query.
        """
        import sqlalchemy as sa

        columns = self._key_and_cursor() if self._rows.cursor else [sa.text("*")]
        with self._reading() as connection:
            for row in connection.execute(sa.select(*columns).select_from(self._subquery)):
                yield self._item(row._asdict())

    def load(self, item: Item) -> RawDocument:
        """Read one row.

        Raises:
            SourceError: it is gone, its key isn't unique, or it is too large.
        """
        import sqlalchemy as sa

        prefix = f"{self.uri}/"
        if not item.uri.startswith(prefix):
            raise SourceError(f"can't read {item.uri}: it is not of {self.uri}")
        text = unquote(item.uri.removeprefix(prefix))
        column = self._subquery.c[self._rows.key]
        if self._key_type is int:
            wanted = column == int(text)
        else:
            wanted = (column if self._key_type is str else sa.cast(column, sa.String)) == text
        statement = sa.select(sa.text("*")).select_from(self._subquery).where(wanted).limit(2)
        with self._reading() as connection:
            found = [row._asdict() for row in connection.execute(statement)]
        if len(found) != 1:
            problem = "its key is not unique" if found else "it isn't there any more"
            raise SourceError(f"can't read {item.uri}: {problem}", hint="check query and key")
        data = _text(found[0]).encode("utf-8", "replace")
        if len(data) > self._max_bytes:
            limit = f"{self._max_bytes / 1e6:.1f} MB"
            raise SourceError(
                f"can't read {item.uri}: it is over the limit of {limit}", hint="raise max_file_mb"
            )
        return RawDocument(item.uri, f"{text}.txt", data)

    def rows_from(self, since: Any) -> tuple[tuple[Item, ...], Any]:
        """Rows whose cursor column is at `since` or beyond (None: all), and the last value of that column.

        Raises:
            SourceError: the database can't be reached, or refuses the query.
        """
        import sqlalchemy as sa

        column = self._subquery.c[self._rows.cursor]
        statement = sa.select(*self._key_and_cursor()).select_from(self._subquery).order_by(column)
        if since is not None:
            statement = statement.where(column >= since)
        with self._reading() as connection:
            found = [row._asdict() for row in connection.execute(statement)]
        values = (row[self._rows.cursor] for row in reversed(found))
        last = next((value for value in values if value is not None), since)
        return tuple(map(self._item, found)), last

    def _item(self, row: Mapping[str, Any]) -> Item:
        try:
            key = row[self._rows.key]
            version = (
                str(row[self._rows.cursor])
                if self._rows.cursor
                else xxhash.xxh3_128_hexdigest(_text(row).encode("utf-8", "replace"))
            )
        except KeyError as error:
            raise SourceError(
                f"can't read {self.uri}: the query gives no column {error}",
                hint=f"it gives: {', '.join(row)}",
            ) from error
        return Item(f"{self.uri}/{quote(str(key), safe='')}", version)

    def _key_and_cursor(self) -> list[sa.ColumnElement[Any]]:
        names = dict.fromkeys((self._rows.key, self._rows.cursor))
        return [self._subquery.c[name] for name in names]

    @cached_property
    def _key_type(self) -> type:
        import sqlalchemy as sa

        with self._reading() as connection:
            statement = sa.select(self._subquery.c[self._rows.key]).limit(1)
            return type(connection.execute(statement).scalar())

    @cached_property
    def _subquery(self) -> Subquery:
        """The user's query as a table; the columns that we use are quoted by SQLAlchemy."""
        import sqlalchemy as sa

        # A colon would mean a parameter to SQLAlchemy; here it is part of the user's own SQL.
        query = re.sub(r"(?<!\\):", r"\\:", self._rows.query.strip().rstrip(";"))
        names = dict.fromkeys(name for name in (self._rows.key, self._rows.cursor) if name)
        return sa.text(query).columns(*(sa.column(name) for name in names)).subquery("ragent_rows")

    @cached_property
    def _engine(self) -> sa.Engine:
        import sqlalchemy as sa

        path = _sqlite_path(self._url)
        if path and not path.exists():  # SQLite would make it
            raise SourceError(f"can't read {self.uri}: there is no such file", hint="check the path")
        try:
            # Nothing stays open between reads.
            return sa.create_engine(self._url, poolclass=sa.NullPool, connect_args=_patience(self._url))
        except ImportError as error:
            raise MissingExtraError(
                f"{self.uri} needs a driver that is not installed: {error.name}",
                hint=f"pip install {error.name}",
            ) from error
        except (sa.exc.SQLAlchemyError, ValueError) as error:
            raise SourceError(f"can't open the database: {error}", hint="check the URL") from error

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        import sqlalchemy as sa

        try:
            with self._engine.connect() as connection:
                yield connection.execution_options(yield_per=_PORTION)
                connection.rollback()
        except sa.exc.SQLAlchemyError as error:
            reason = " ".join(str(getattr(error, "orig", None) or error).split())
            raise SourceError(
                f"can't read {self.uri}: {reason}", hint="check the URL and the query"
            ) from error


class PolledSqlSource:
    """Rows with a cursor column, which can tell what changed."""

    def __init__(self, source: SqlSource) -> None:
        self._source = source

    @property
    def uri(self) -> str:
        """As the source's."""
        return self._source.uri

    def items(self) -> Iterator[Item]:
        """As the source's."""
        return self._source.items()

    def load(self, item: Item) -> RawDocument:
        """As the source's."""
        return self._source.load(item)

    def changes(self, cursor: str | None) -> Changes:
        """Rows whose cursor column is at `cursor` or beyond; those at it may have been told before.

        Raises:
            SourceError: the database can't be read, or `cursor` is none of ours.
        """
        items, last = self._source.rows_from(None if cursor is None else _decoded(cursor))
        return Changes(items, (), "null" if last is None else _encoded(last))


def _sqlite_path(url: str) -> Path | None:
    match = _SQLITE_FILE.fullmatch(f"sql+{url}")
    return Path(match[2]) if match and match[2] != ":memory:" else None


def _text(row: Mapping[str, Any]) -> str:
    values = {name: value for name, value in row.items() if not isinstance(value, bytes | memoryview)}
    shown = {name: str(value).strip() for name, value in values.items() if value is not None}
    return "\n".join(f"{name}: {value}" for name, value in shown.items() if value)


def _encoded(value: Any) -> str:
    """A cursor as text that keeps its type."""
    if isinstance(value, datetime.datetime):
        return json.dumps({"datetime": value.isoformat()})
    if isinstance(value, datetime.date):
        return json.dumps({"date": value.isoformat()})
    return json.dumps(value if isinstance(value, int | float | str) else str(value))


def _decoded(cursor: str) -> Any:
    try:
        value = json.loads(cursor)
        if isinstance(value, dict):
            ((kind, text),) = value.items()
            return {"datetime": datetime.datetime, "date": datetime.date}[kind].fromisoformat(text)
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(f"can't go on from {cursor!r}: it is no cursor of this source") from error
    return value


def _patience(url: str) -> dict[str, int]:
    """How long a server may take to answer at first, in the drivers' words: some would wait for minutes."""
    import sqlalchemy as sa

    parsed = sa.make_url(url)
    known = parsed.get_driver_name() in _DRIVERS_WITH_TIMEOUT and "connect_timeout" not in parsed.query
    return {"connect_timeout": _CONNECT_SECONDS} if known else {}
