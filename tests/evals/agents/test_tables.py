"""Tables for agents: how answers are compared, tables fingerprinted, and what SQL may do."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from ragent.errors import EvalError, ToolError
from ragent.types import ToolResult
from ragent_evals.agents.tables import Table, fingerprint, is_right_answer, open_table, read_tables, sql_tool

TABLE = Table(
    'Odd "name"',
    (("Name", "TEXT"), ("Points (in %)", "TEXT"), ("", "INT")),
    (("Ann", "5", 1), ("Bob", "7", 2)),
)


@pytest.fixture
def database() -> Any:
    opened = open_table(TABLE)
    yield opened
    opened.close()


def ask(database: sqlite3.Connection, statement: str) -> ToolResult:
    return sql_tool(database, TABLE).run({"statement": statement})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["Ann"], ["Ann"]),
        ("Ann", ["Ann"]),
        ("['Ann', 'Bob']", ["Bob", "Ann"]),
        ('["Ann"]', ["Ann"]),
        ("[('Ann',), ('Bob',)]", ["Bob", "Ann"]),
        ("[21.0, 3]", ["3.0", "21"]),
        (["Ann", "Ann"], ["Ann"]),
        ("7", ["7.0"]),
        (["6.999"], ["7.0"]),
        (["3", "1"], ["1.0", "3.0"]),
        ("21,000", ["21000.0"]),
        ("12 %", ["12"]),
        (None, ["none"]),
        ([""], ["none"]),
        ("0", ["NULL"]),
        ("'Ann'", ["Ann"]),
    ],
)
def test_right_answers(given: Any, expected: list[str]) -> None:
    assert is_right_answer(given, expected)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["Ann"], ["Bob"]),
        (["ann"], ["Ann"]),
        (["Ann"], ["Ann", "Bob"]),
        ([], ["Ann"]),
        (["7.02"], ["7.0"]),
        (["1"], ["1.0", "1.0"]),
        (["1", "x"], ["1.0", "x"]),
        (["[" * 5000 + "]" * 5000], ["x"]),
        ("[" * 5000 + "]" * 5000, ["x"]),
    ],
)
def test_wrong_answers(given: Any, expected: list[str]) -> None:
    assert not is_right_answer(given, expected)


def test_rows_are_told_as_foreign_text(database: sqlite3.Connection) -> None:
    found = ask(database, 'SELECT * FROM "Odd ""name"""')
    assert found.tainted
    assert [json.loads(line) for line in found.text.splitlines()] == [["Ann", "5", 1], ["Bob", "7", 2]]


def test_many_rows_are_not_told_all(database: sqlite3.Connection) -> None:
    many = ask(
        database, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 99) SELECT i FROM n"
    )
    assert many.text.splitlines()[-1] == "and more rows"
    assert len(many.text.splitlines()) == 21


def test_changes_change_the_fingerprint_whatever_the_order(database: sqlite3.Connection) -> None:
    before = fingerprint(database, TABLE)
    assert (
        ask(database, 'UPDATE "Odd ""name""" SET Name = \'Eve\' WHERE Name = \'Ann\'').text == "done: no rows"
    )
    changed = fingerprint(database, TABLE)
    other = open_table(Table(TABLE.name, TABLE.columns, (("Bob", "7", 2), ("Eve", "5", 1))))
    assert before != changed == fingerprint(other, TABLE)
    other.close()


def test_the_fingerprint_is_mysqls() -> None:
    # md5(group_concat(substring(md5(concat_ws(',', a, b)), 1, 5))) of one row ('x', NULL): md5("x") is 9dd4e…
    table = Table("t", (("a", "TEXT"), ("b", "TEXT")), (("x", None),))
    database = open_table(table)
    assert fingerprint(database, table) == hashlib.md5(b"9dd4e").hexdigest()
    database.close()


@pytest.mark.parametrize(
    "statement",
    [
        'DROP TABLE "Odd ""name"""',
        "ATTACH DATABASE 'other.db' AS other",
        "CREATE TABLE x (a)",
        "PRAGMA writable_schema = 1",
        "VACUUM INTO 'copy.db'",
        "SELECT load_extension('x')",
        "SELECT 1; SELECT 2",
        "SELECT * FROM nothing",
        "SELEC",
        "SELECT \x00",
        "SELECT zeroblob(100000000)",
        "SELECT '\ud800'",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    ],
)
def test_what_is_not_allowed_is_told_to_the_model(
    database: sqlite3.Connection, statement: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ToolError):
        ask(database, statement)
    assert not list(tmp_path.iterdir())
    assert "Ann" in ask(database, 'SELECT * FROM "Odd ""name"""').text


def test_a_file_is_read(tmp_path: Path) -> None:
    info = {"columns": [{"name": "a", "type": "TEXT"}], "rows": [["x"]]}
    lines = [
        {"description": "What is a?", "label": ["x"], "type": ["other"]},
        {"description": "Set a.", "label": ["UPDATE t"], "type": ["UPDATE"], "answer_md5": "[('abc',)]"},
    ]
    path = tmp_path / "dev.jsonl"
    told = [json.dumps({**line, "table": {"table_name": "t", "table_info": info}}) for line in lines]
    path.write_text("\n".join(told))
    read = read_tables(path)
    assert read.name == "dev"
    assert [case.fingerprint for case in read.cases] == ["", "abc"]
    assert read.cases[0].table == Table("t", (("a", "TEXT"),), (("x",),))
    path.write_text("{}")
    with pytest.raises(EvalError, match="no set of tables"):
        read_tables(path)
