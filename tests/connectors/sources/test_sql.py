from __future__ import annotations

import datetime
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from ragent.errors import MissingExtraError, SourceError
from ragent.types import Item
from ragent_connectors.sources.sql import PolledSqlSource, RowQuery, SqlSource

LIMIT = 10_000


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "a.db"
    run(
        path,
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT, body TEXT, picture BLOB, changed INTEGER)",
        "INSERT INTO notes VALUES (1, 'Crane', 'Out of order.', x'00ff', 10)",
        "INSERT INTO notes VALUES (2, NULL, 'Tide: 12:30', NULL, 20)",
    )
    return path


def run(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def source(path: Path, query: str = "SELECT * FROM notes", key: str = "id", cursor: str = "") -> SqlSource:
    return SqlSource(f"sqlite:///{path}", RowQuery(query, key, cursor, "notes"), max_bytes=LIMIT)


def texts(opened: SqlSource | PolledSqlSource) -> list[str]:
    return [opened.load(item).data.decode() for item in opened.items()]


@pytest.mark.parametrize("cursor", ["", "changed"])
def test_each_row_is_a_document(database: Path, cursor: str) -> None:
    opened = source(database, cursor=cursor)
    assert texts(opened) == [
        "id: 1\ntitle: Crane\nbody: Out of order.\nchanged: 10",
        "id: 2\nbody: Tide: 12:30\nchanged: 20",
    ]
    item = next(opened.items())
    assert item.uri == f"sql+sqlite:///{database}!/notes/1"
    assert opened.load(item).name == "1.txt"


@pytest.mark.parametrize("cursor", ["", "changed"])
def test_the_version_follows_the_row(database: Path, cursor: str) -> None:
    before = [item.version for item in source(database, cursor=cursor).items()]
    run(database, "UPDATE notes SET body = 'Mended.', changed = 30 WHERE id = 1")
    after = [item.version for item in source(database, cursor=cursor).items()]
    assert [old == new for old, new in zip(before, after, strict=True)] == [False, True]


def test_changes_are_the_rows_at_the_cursor_and_beyond(database: Path) -> None:
    opened = PolledSqlSource(source(database, cursor="changed"))
    first = opened.changes(None)
    assert [item.uri[-1] for item in first.items] == ["1", "2"]
    run(
        database,
        "INSERT INTO notes VALUES (3, 'x', 'at the same moment', NULL, 20)",
        "UPDATE notes SET changed = 40 WHERE id = 1",
    )
    second = opened.changes(first.cursor)
    assert [item.uri[-1] for item in second.items] == ["2", "3", "1"]
    assert [item.uri[-1] for item in opened.changes(second.cursor).items] == ["1"]


def test_an_empty_table_can_be_polled(database: Path) -> None:
    run(database, "DELETE FROM notes")
    opened = PolledSqlSource(source(database, cursor="changed"))
    first = opened.changes(None)
    assert first.items == ()
    run(database, "INSERT INTO notes VALUES (3, 'x', 'y', NULL, 5)")
    assert len(opened.changes(first.cursor).items) == 1


def test_times_are_cursors_too(tmp_path: Path) -> None:
    """A typed column through the SQLAlchemy of the query: here SQLite's text, ordered as times are."""
    path = tmp_path / "t.db"
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.NullPool)
    table = sa.Table("t", sa.MetaData(), sa.Column("k", sa.String), sa.Column("at", sa.DateTime))
    table.metadata.create_all(engine)
    moments = [datetime.datetime(2024, 3, day, 12, 30) for day in (5, 6)]
    with engine.begin() as connection:
        connection.execute(table.insert(), [{"k": f"a/{m.day}", "at": m} for m in moments])
    rows = RowQuery("SELECT * FROM t", "k", "at")
    opened = PolledSqlSource(SqlSource(f"sqlite:///{path}", rows, max_bytes=LIMIT))
    first = opened.changes(None)
    assert [item.uri.rpartition("/")[2] for item in first.items] == ["a%2F5", "a%2F6"]
    assert [item.uri.rpartition("/")[2] for item in opened.changes(first.cursor).items] == ["a%2F6"]
    assert opened.load(first.items[0]).data.startswith(b"k: a/5\nat: 2024-03-05 12:30")


def test_a_query_may_hold_colons_and_end_in_a_semicolon(database: Path) -> None:
    assert len(texts(source(database, "SELECT * FROM notes WHERE body LIKE '%:30' OR title = ':x';"))) == 1


def test_a_key_cannot_carry_sql(database: Path) -> None:
    run(
        database,
        "CREATE TABLE named (name TEXT, body TEXT)",
        "INSERT INTO named VALUES ('x'' OR 1=1 --', 'a')",
    )
    opened = source(database, "SELECT * FROM named", "name")
    assert texts(opened) == ["name: x' OR 1=1 --\nbody: a"]
    with pytest.raises(SourceError, match="isn't there"):
        opened.load(Item(f"{opened.uri}/x%27%20OR%20%271%27%3D%271", ""))


def test_reading_leaves_the_database_as_it_was(database: Path) -> None:
    opened = source(database, "DELETE FROM notes RETURNING *")
    with pytest.raises(SourceError, match="can't read"):
        list(opened.items())
    assert len(texts(source(database))) == 2


@pytest.mark.parametrize(
    ("query", "key", "message"),
    [
        ("SELECT * FROM nowhere", "id", "no such table"),
        ("SELECT title FROM notes", "id", "no column|no such column"),
        ("SELECT * FROM notes", "number", "no column|no such column"),
    ],
)
def test_a_wrong_query_is_an_error_in_words(database: Path, query: str, key: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        list(source(database, query, key).items())


def test_a_row_that_is_gone_or_not_alone_is_an_error(database: Path) -> None:
    opened = source(database)
    item = next(opened.items())
    run(database, "DELETE FROM notes WHERE id = 1")
    with pytest.raises(SourceError, match="isn't there"):
        opened.load(item)
    doubled = source(database, "SELECT 7 AS id, title FROM notes UNION ALL SELECT 7, 'x'")
    with pytest.raises(SourceError, match="not unique"):
        doubled.load(next(doubled.items()))


def test_a_large_row_is_refused(database: Path) -> None:
    run(database, f"UPDATE notes SET body = '{'x' * LIMIT}' WHERE id = 2")
    with pytest.raises(SourceError, match="over the limit"):
        texts(source(database))


def test_an_argument_names_query_and_key(database: Path) -> None:
    argument = f"sql+sqlite:///{database}#query=SELECT+id,title+FROM+notes&key=id&name=titles"
    assert SqlSource.accepts(argument)
    opened = SqlSource.open(argument, max_bytes=LIMIT)
    assert opened.uri == f"sql+sqlite:///{database}!/titles"
    assert texts(opened)[0] == "id: 1\ntitle: Crane"
    assert not hasattr(opened, "changes")
    polled = SqlSource.open(f"{argument}&cursor=id", max_bytes=LIMIT)
    assert polled.changes(None).cursor == "2"
    assert texts(polled) == texts(opened)
    with pytest.raises(SourceError, match="no cursor"):
        polled.changes("{")
    with pytest.raises(SourceError, match="without a query"):
        SqlSource.open(f"sql+sqlite:///{database}#key=id", max_bytes=LIMIT)


def test_a_password_stays_out_of_the_uri() -> None:
    rows = RowQuery("SELECT 1 AS id", "id")
    opened = SqlSource("postgresql://me:secret@db.example/x?sslkey=k", rows, max_bytes=1)
    assert opened.uri == "sql+postgresql://db.example/x!/rows"


def test_a_missing_driver_is_named() -> None:
    with pytest.raises((MissingExtraError, SourceError), match=r"oracle|driver"):
        list(SqlSource("oracle+oracledb://h/x", RowQuery("SELECT 1 AS id", "id"), max_bytes=1).items())


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        list(source(tmp_path / "none.db").items())
    assert not list(tmp_path.iterdir())


def test_a_relative_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = SqlSource.absolute("sql+sqlite:///a.db?timeout=3#query=SELECT 1&key=id")
    assert made == f"sql+sqlite:///{tmp_path}/a.db?timeout=3#query=SELECT 1&key=id"
    for url in (made, "sql+sqlite:///:memory:#key=id", "sql+postgresql://h/a.db#key=id"):
        assert SqlSource.absolute(url) == url
