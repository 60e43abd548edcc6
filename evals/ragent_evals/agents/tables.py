"""Questions about a table, and changes to one, that an agent answers by SQL: AgentBench's database task.

Source: AgentBench (Liu et al. 2023, arXiv:2308.03688), `dbbench`. An answer is compared, and a changed table
fingerprinted, as its `DBResultProcessor` does (https://github.com/THUDM/AgentBench); the table is in SQLite
instead of MySQL.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragent.errors import EvalError, ToolError
from ragent.types import Tool, ToolResult

CHANGES = frozenset({"INSERT", "UPDATE", "DELETE"})
_FORM = 'lines {"description", "label": [...], "type": [...], "table": {"table_name", "table_info"}}'
_NOTHING = frozenset({"", "none", "null", "undefined", "nan", "inf", "infinity", "-inf", "-infinity"})
_TOLERANCE = 1e-2
_ROWS = 20
_SECONDS = 2.0
_LONGEST = 1_000_000
_ALLOWED = frozenset(
    {
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_RECURSIVE,
        sqlite3.SQLITE_INSERT,
        sqlite3.SQLITE_UPDATE,
        sqlite3.SQLITE_DELETE,
        sqlite3.SQLITE_TRANSACTION,
    }
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns have names, which may be anything, and types."""

    name: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class TableCase:
    """A question, or a change asked for: then `fingerprint` is that of the table afterwards, else ""."""

    id: str
    task: str
    table: Table
    answers: tuple[str, ...]
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class TableSet:
    """A file of cases."""

    name: str
    cases: tuple[TableCase, ...]


def read_tables(path: Path) -> TableSet:
    """Read a set in AgentBench's layout.

    Raises:
        EvalError: it isn't there, or not of that form.
    """
    try:
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
        cases = tuple(_case(number, line) for number, line in enumerate(lines))
    except OSError as error:
        raise EvalError(f"can't read {path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise EvalError(f"{path} is no set of tables: {error!r}", hint=f"it holds {_FORM}") from error
    if not cases:
        raise EvalError(f"{path} holds no cases", hint=f"it holds {_FORM}")
    return TableSet(path.stem, cases)


def open_table(table: Table) -> sqlite3.Connection:
    """The table in a database of its own, in memory, in which nothing but its rows can be read or changed.

    Raises:
        EvalError: SQLite can't hold it.
    """
    database = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    columns = ", ".join(f"{_quoted(name)} {kind}" for name, kind in table.columns)
    marks = ", ".join("?" * len(table.columns))
    try:
        database.execute(f"CREATE TABLE {_quoted(table.name)} ({columns})")
        database.executemany(f"INSERT INTO {_quoted(table.name)} VALUES ({marks})", table.rows)  # noqa: S608
    except sqlite3.Error as error:
        raise EvalError(f"the table {table.name!r} can't be made: {error}") from error
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
    database.set_authorizer(
        lambda action, *_: sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY
    )
    return database


def sql_tool(database: sqlite3.Connection, table: Table) -> Tool:
    """The tool `sql`, by which an agent reads and changes the table. It stops what takes too long."""
    columns = ", ".join(_quoted(name) for name, _ in table.columns)
    said = (
        f"Runs one SQL statement in SQLite. The only table is {_quoted(table.name)} with columns {columns}."
    )

    def run(arguments: Mapping[str, Any]) -> ToolResult:
        deadline = time.monotonic() + _SECONDS
        database.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
        try:
            found = database.execute(arguments["statement"]).fetchmany(_ROWS + 1)
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
            raise ToolError(str(error)) from None
        told = "".join(f"{json.dumps(row, ensure_ascii=False, default=str)}\n" for row in found[:_ROWS])
        more = "and more rows\n" * (len(found) > _ROWS)
        return ToolResult((told + more).strip() or "done: no rows", tainted=True)

    parameters = {
        "type": "object",
        "properties": {"statement": {"type": "string", "maxLength": 500}},
        "required": ["statement"],
        "additionalProperties": False,
    }
    return Tool("sql", said, parameters, run, side_effects=True)


def fingerprint(database: sqlite3.Connection, table: Table) -> str:
    """What AgentBench compares of a changed table: a hash of its rows, whatever their order."""
    rows = database.execute(f"SELECT * FROM {_quoted(table.name)}")  # noqa: S608
    hashes = sorted(_md5(",".join(str(value) for value in row if value is not None))[:5] for row in rows)
    return _md5(",".join(hashes))


def is_right_answer(given: Any, expected: Sequence[str]) -> bool:
    """Whether an answer, a text or a list, is the expected one, in any order; numbers may differ by 0.01."""
    answers, labels = _cleaned(given), _cleaned(list(expected))
    numbers, wanted = _numbers(answers), _numbers(labels)
    if numbers is None or wanted is None:
        return set(answers) == set(labels)
    return len(numbers) == len(wanted) and all(
        abs(one - other) <= _TOLERANCE for one, other in zip(sorted(numbers), sorted(wanted), strict=True)
    )


def _cleaned(given: Any) -> list[str]:
    """The values of an answer as texts; a text that is a list in Python's or JSON's writing is that list."""
    if isinstance(given, str) and given.strip().startswith("[") and given.strip().endswith("]"):
        try:
            given = ast.literal_eval(given.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            given = given.strip()[1:-1].split(",")
    values = given if isinstance(given, list | tuple) else [given]
    return [_plain(value[0] if isinstance(value, tuple) and len(value) == 1 else value) for value in values]


def _plain(value: Any) -> str:
    """Without quotes around it, per cent sign and thousands separators; what means nothing is 0."""
    text = str(value).strip().strip("'\"")
    if text.endswith("%"):
        return text[:-1].strip()
    text = text.replace(",", "")
    return "0" if text.lower() in _NOTHING else text


def _numbers(values: Sequence[str]) -> list[float] | None:
    try:
        return [float(value) for value in values]
    except ValueError:
        return None


def _case(number: int, line: Mapping[str, Any]) -> TableCase:
    info = line["table"]["table_info"]
    columns = tuple((column["name"], column["type"]) for column in info["columns"])
    table = Table(line["table"]["table_name"], columns, tuple(map(tuple, info["rows"])))
    is_change = line["type"][0] in CHANGES
    hashed = ast.literal_eval(line["answer_md5"])[0][0] if is_change else ""
    task = f"{line['description']} {line.get('add_description', '')}".strip()
    return TableCase(str(number), task, table, tuple(map(str, line["label"])), hashed)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
