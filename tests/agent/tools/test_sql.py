from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ragent.agent import Tool, ToolContext, open_tools
from ragent.config import ToolSettings
from ragent.errors import ConfigError, ToolError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "shop's.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE sales (id INTEGER PRIMARY KEY, item TEXT, price REAL)")
        connection.executemany(
            "INSERT INTO sales VALUES (?, ?, ?)", [(n, f"item {n}", n * 1.5) for n in range(1, 101)]
        )
        connection.execute("CREATE TABLE odd (a, b)")
        connection.execute(
            "INSERT INTO odd VALUES (NULL, x'00ff'), (CAST(x'ff61' AS TEXT), ?)", ["x\n" * 500]
        )
        connection.commit()
    return file


def opened(database: Path | str, **more: float) -> Tool:
    settings = ToolSettings.model_validate({"database": str(database), **more})
    return open_tools(["sql"], ToolContext(settings=settings))[0]


def ask(tool: Tool, query: str) -> str:
    result = tool.run({"query": query})
    assert result.tainted
    return result.text


def test_rows_come_as_a_table(file: Path) -> None:
    told = ask(opened(file), "SELECT item, price FROM sales WHERE id < 3 ORDER BY id;")
    assert told == "item | price\nitem 1 | 1.5\nitem 2 | 3.0\n[2 rows]"


def test_a_url_names_a_file_too(file: Path) -> None:
    assert "5050" in ask(opened(f"sqlite:///{file}"), "SELECT sum(id) FROM sales")


def test_without_a_query_the_tables_are_listed(file: Path) -> None:
    told = ask(opened(file), " ")
    assert told.split("\n")[1] == "CREATE TABLE sales (id INTEGER PRIMARY KEY, item TEXT, price REAL)"


def test_more_rows_than_allowed_are_left_out_and_it_says_so(file: Path) -> None:
    told = ask(opened(file, sql_rows=5), "SELECT id FROM sales")
    assert told.split("\n")[-2:] == ["5", "[only the first 5 rows are shown; use LIMIT, or count and sum]"]


def test_odd_values_are_shown(file: Path) -> None:
    told = ask(opened(file), "SELECT a, b FROM odd")
    assert "NULL | [2 bytes]" in told
    assert "�a | x x x" in told
    assert "[999 characters]" in told


def test_recursive_queries_and_functions_work(file: Path) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9)"
    assert "45 | A" in ask(opened(file), f"{numbers} SELECT sum(i), upper('a') FROM n")


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM sales",
        "INSERT INTO sales VALUES (1000, 'x', 1)",
        "INSERT INTO sales VALUES (1000, 'x', 1) RETURNING id",
        "UPDATE sales SET price = 0",
        "DROP TABLE sales",
        "CREATE TABLE a (b)",
        "CREATE TEMP TABLE a (b)",
        "CREATE VIEW v AS SELECT 1",
        "ATTACH DATABASE '/tmp/evil.db' AS evil",
        "ATTACH ':memory:' AS a",
        "DETACH main",
        "PRAGMA query_only = OFF",
        "PRAGMA writable_schema = ON",
        "PRAGMA journal_mode = DELETE",
        "SELECT * FROM pragma_table_info('sales'), pragma_query_only",
        "BEGIN",
        "COMMIT",
        "SAVEPOINT a",
        "VACUUM",
        "VACUUM INTO '/tmp/evil.db'",
        "REINDEX",
        "ANALYZE",
        "SELECT load_extension('/tmp/evil.so')",
        "SELECT fts3_tokenizer('simple')",
        "SELECT writefile('/tmp/evil', 'x')",
        "SELECT 1; DELETE FROM sales",
        "SELECT * FROM nothing",
        "SELECT",
        "\0",
        "SELECT '\ud800'",
        "-- nothing",
        "EXPLAIN DELETE FROM sales",
        "SELECT zeroblob(1000000000)",
        "SELECT printf('%.*c', 1000000000, 'x')",
        "SELECT " + "(" * 5000 + "1" + ")" * 5000,
        "SELECT 1 -- " + "x" * 30_000,
    ],
)
def test_nothing_but_reading_is_possible(file: Path, query: str) -> None:
    before = file.read_bytes()
    with pytest.raises(ToolError):
        ask(opened(file), query)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_large_values_stay_within_bounds(file: Path) -> None:
    assert len(ask(opened(file), "SELECT hex(zeroblob(1000000))")) < 1000


def test_a_query_that_never_ends_is_stopped(file: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(ToolError, match=r"over 0\.2 seconds"):
        ask(opened(file, sql_seconds=0.2), endless)


def test_what_is_no_sqlite_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("this is no database at all")
    for database, told in (
        ("", "no database"),
        (tmp_path / "gone.db", "can't read"),
        (tmp_path / "a.txt", "no SQLite file"),
        ("postgresql://host/db", "SQLite files only"),
    ):
        with pytest.raises(ConfigError, match=told):
            opened(database)
