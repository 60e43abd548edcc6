"""Writes the rows of a sheet as tables whose header stands above each passage."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from ragent_connectors.parsers.writer import TextWriter

Row = tuple[int, Sequence[str]]
"""The row's number in its sheet, from 1, and its cells."""

_GROUP_CHARS = 600
_LONGEST_TITLE = 100
_LONGEST_NAME = 80
_WITHIN = 10
# A number as people write it: with a sign, a currency, separators, a percent sign; dates and times too.
_NUMBER = re.compile(r"[^\w\s]{0,2}\s?\d[\d.,:/'’\s-]*(?:[eE][+-]?\d+|[T ][\d:.+Z]+)?\s?[%‰€$£¥]?")

_YEAR = re.compile(r"(?:19|20)\d\d")


def write_sheet(writer: TextWriter, rows: Iterable[Row], level: int) -> None:
    """Write the tables of a sheet, in groups of rows that are labelled `rows 2–40`.

    A header row becomes a heading, so that it stands in the context of every passage below it. A short line
    of its own above a header is a heading too: the table's title.

    Args:
        writer: What to write to.
        rows: In order; blank ones may be among them.
        level: Depth of the first heading that may be written.
    """
    headed = False
    for region in _regions(rows):
        headed = _write_region(writer, region, level, headed=headed)


def _regions(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Runs of rows that aren't blank."""
    region: list[Row] = []
    for number, cells in rows:
        tidy = _tidied(cells)
        if tidy:
            region.append((number, tidy))
        elif region:
            yield region
            region = []
    if region:
        yield region


def _write_region(writer: TextWriter, region: Sequence[Row], level: int, *, headed: bool) -> bool:
    """Whether the rows that follow stand under a header."""
    first = 0
    while first < min(len(region) - 1, _WITHIN) and _filled(region[first][1]) == 1:
        first += 1
    if not _is_header(region, first, strict=headed):
        _write_rows(writer, region)
        return headed
    for number, cells in region[:first]:
        line = " ".join(cells).strip()
        if number == region[0][0] and len(line) <= _LONGEST_TITLE:
            writer.add("heading", line, level)
            level += 1
        else:
            writer.add("paragraph", line, label=_label(number, number))
    writer.add("heading", " | ".join(region[first][1]), level)
    _write_rows(writer, region[first + 1 :])
    return True


def _write_rows(writer: TextWriter, rows: Sequence[Row]) -> None:
    group: list[str] = []
    first = size = 0
    for index, (number, cells) in enumerate(rows):
        if not group:
            first = number
        group.append(" | ".join(cells))
        size += len(group[-1])
        if size >= _GROUP_CHARS or index == len(rows) - 1:
            writer.add("table", "\n".join(group), label=_label(first, number))
            group, size = [], 0


def _is_header(region: Sequence[Row], index: int, *, strict: bool) -> bool:
    """Names of columns: different short words, nearly as many as the rows below have cells.

    Args:
        region: Rows without a blank one between them.
        index: Of the row in question.
        strict: Whether rows below must hold a number, which tells a header from a row of a table of words.
    """
    names = [cell for cell in region[index][1] if cell]
    below = [cells for _, cells in region[index + 1 : index + 1 + _WITHIN]]
    if len(names) < 2 or not below or len({name.casefold() for name in names}) < len(names):
        return False
    if all(map(_NUMBER.fullmatch, names)) or not all(map(_may_name, names)):
        return False
    if strict and not any(_NUMBER.fullmatch(cell) for cells in below for cell in cells):
        return False
    return len(names) * 2 > max(map(_filled, below))


def _may_name(text: str) -> bool:
    """Whether a column may be called so; years often are."""
    number = _NUMBER.fullmatch(text) and not _YEAR.fullmatch(text)
    return len(text) <= _LONGEST_NAME and not number


def _tidied(cells: Sequence[str]) -> list[str]:
    """On one line each, without the blank ones at the end."""
    tidy = [" ".join(cell.split()) for cell in cells]
    while tidy and not tidy[-1]:
        tidy.pop()
    return tidy


def _filled(cells: Sequence[str]) -> int:
    return sum(map(bool, cells))


def _label(first: int, last: int) -> str:
    return f"rows {first}–{last}" if last > first else f"row {first}"
