"""Tables of records, out of delimited text, JSON Lines and Excel."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragent.errors import ConfigError, ParseError

Record = Mapping[str, str]
"""Values by column. An empty one says nothing."""

_JSON_LINES = (".jsonl", ".ndjson")
_SHEETS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
_SAMPLE = 65536


@dataclass(frozen=True, slots=True)
class Table:
    """The records of a file and what each is called: `keys` are as many, and no two are the same."""

    name: str
    keys: tuple[str, ...]
    records: tuple[Record, ...]


def read_table(path: Path, key: str | None = None) -> Table:
    """Read a table by its suffix: CSV and its kin, JSON Lines of objects, or a workbook's first sheet.

    Args:
        path: The file; the first row of delimited text and of a sheet names the columns.
        key: The column that names a row. It takes no part in matching. None: rows are counted from 1.

    Raises:
        ParseError: the file holds no such table.
        ConfigError: the column of keys isn't there, or names two rows alike.
    """
    if not path.is_file():
        raise ParseError(f"there is no file {path}", hint="name a CSV, JSON Lines or Excel file")
    suffix = path.suffix.lower()
    if suffix in _JSON_LINES:
        rows = _json_lines(path)
    elif suffix in _SHEETS:
        rows = _under_header(path, _sheet(path))
    else:
        rows = _under_header(path, _delimited(path))
    if not rows:
        raise ParseError(f"{path} holds no rows", hint="its first row must name the columns")
    if key is None:
        return Table(path.name, tuple(str(number) for number in range(1, len(rows) + 1)), tuple(rows))
    return _keyed(path, key, rows)


def _keyed(path: Path, key: str, rows: Sequence[dict[str, str]]) -> Table:
    if missing := next((row for row in rows if key not in row), None):
        raise ConfigError(f"{path} has no column {key!r}", hint=f"its columns: {', '.join(missing)}")
    keys = [row.pop(key) for row in rows]
    if len(set(keys)) < len(keys):
        twice = next(name for name in keys if keys.count(name) > 1)
        raise ConfigError(f"{path} names two rows {twice!r} in {key!r}", hint="name another --key, or none")
    return Table(path.name, tuple(keys), tuple(rows))


def _json_lines(path: Path) -> list[dict[str, str]]:
    rows = []
    for number, line in enumerate(path.read_text("utf-8-sig").split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ParseError(f"{path}, line {number}: {error}", hint="each line is one JSON object") from None
        if not isinstance(row, dict):
            raise ParseError(f"{path}, line {number} is no object", hint="each line is one JSON object")
        rows.append({str(name): text_of(value) for name, value in row.items()})
    return rows


def text_of(value: Any) -> str:
    """A value as it is compared: nothing for null, the items of lists one after the other."""
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(text_of, value))
    if isinstance(value, dict):
        return ", ".join(map(text_of, value.values()))
    return str(value)


def _delimited(path: Path) -> Iterable[list[str]]:
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        text = path.read_text("cp1252", errors="replace")
    try:
        dialect: Any = csv.Sniffer().sniff(text[:_SAMPLE].partition("\n")[0], "\t;|,")
    except csv.Error:
        dialect = csv.excel
    return csv.reader(io.StringIO(text, newline=""), delimiter=dialect.delimiter)


def _sheet(path: Path) -> Iterable[list[str]]:
    from python_calamine import CalamineError, load_workbook

    try:
        rows = load_workbook(path).get_sheet_by_index(0).to_python()
    except CalamineError as error:
        raise ParseError(f"{path} can't be read as a workbook: {error}", hint="save it anew") from None
    return [[text_of(cell) for cell in row] for row in rows]


def _under_header(path: Path, rows: Iterable[list[str]]) -> list[dict[str, str]]:
    header, *rest = [row for row in rows if any(cell.strip() for cell in row)] or [[]]
    names = [name.strip() for name in header]
    if len(set(names)) < len(names):
        raise ParseError(f"{path} names two columns alike", hint="give each column a name of its own")
    return [dict(zip(names, [*row, *[""] * len(names)], strict=False)) for row in rest]
