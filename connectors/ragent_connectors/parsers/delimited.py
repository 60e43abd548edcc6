"""Delimited text (CSV, TSV and their kin, after RFC 4180): rows under their header."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, deque
from collections.abc import Iterator
from itertools import islice
from typing import Literal

from ragent.types import Document, RawDocument
from ragent_connectors.parsers.decoding import decode, is_binary, unicode_encoding
from ragent_connectors.parsers.sheets import Row, write_sheet
from ragent_connectors.parsers.titles import choose_title
from ragent_connectors.parsers.writer import TextWriter

_SUFFIXES = (".csv", ".tsv", ".tab", ".psv")
# Names that say nothing of the format.
_VAGUE = (".txt", ".dat", ".data", ".log")
_DELIMITERS = "\t;|,"
_HEAD = 65536
_RECORDS = 100
_FEWEST = 5
_LONGEST_FIELD = 100_000_000
_TALLEST_FIELD = 50
_SEPARATOR_LINE = re.compile(r"sep=(.)\n", re.IGNORECASE)


class DelimitedParser:
    """Files named like delimited text, and others of five and more records with as many fields each."""

    def accepts(self, raw: RawDocument) -> float:
        name = raw.name.lower()
        if is_binary(raw.data):
            return 0.0
        if name.endswith(_SUFFIXES):
            return 0.6
        if "." in name.lstrip(".") and not name.endswith(_VAGUE):
            return 0.0
        head = raw.data[:_HEAD].decode(unicode_encoding(raw.data) or "latin-1", "replace")
        head = head.replace("\r\n", "\n").replace("\r", "\n")
        # Prose has commas too: they alone make no table of a file that is called text.
        if name.endswith(".txt") and _delimiter(head) == ",":
            return 0.0
        return 0.4 if _is_regular(head, whole=len(raw.data) <= _HEAD) else 0.0

    def parse(self, raw: RawDocument) -> Document:
        text = decode(raw)
        delimiter = _delimiter(text)
        writer = TextWriter()
        write_sheet(writer, _rows(text, delimiter), 1)
        return Document(
            uri=raw.uri,
            title=choose_title(raw, ()),
            text=writer.text,
            media_type="text/tab-separated-values" if delimiter == "\t" else "text/csv",
            blocks=writer.blocks,
        )


def _rows(text: str, delimiter: str) -> Iterator[Row]:
    text = _SEPARATOR_LINE.sub("", text, count=1) if _SEPARATOR_LINE.match(text) else text
    yield from enumerate(_records(text, delimiter), 1)


def _records(text: str, delimiter: str) -> Iterator[list[str]]:
    """One at a time: as lists, the cells of a large file take a hundred times its size."""
    # The module's own limit of 128 kB is for all who use it, and can only be set for all.
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_FIELD))
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL
    if text.count('"') % 2:
        last: list[str] = max(deque(csv.reader(io.StringIO(text), delimiter=delimiter), 1), default=[])
        if max((field.count("\n") for field in last), default=0) > _TALLEST_FIELD:
            quoting = csv.QUOTE_NONE  # a quote that was opened and never closed swallows the rest of the file
    yield from csv.reader(io.StringIO(text), delimiter=delimiter, quoting=quoting)


def _delimiter(text: str) -> str:
    """The one that cuts most records into the same number of fields, and then into the most."""
    if match := _SEPARATOR_LINE.match(text):
        return match[1]
    head = text[:_HEAD]
    regular = {delimiter: _regularity(head, delimiter) for delimiter in _DELIMITERS}
    return max(_DELIMITERS, key=regular.__getitem__) if any(s for s, _ in regular.values()) else ","


def _regularity(head: str, delimiter: str) -> tuple[float, int]:
    """The share of records with the usual number of fields, and that number; 0 where they have one."""
    records = [record for record in islice(_records(head, delimiter), _RECORDS) if any(record)]
    if not records:
        return 0.0, 0
    width, often = Counter(map(len, records)).most_common(1)[0]
    return (often / len(records), width) if width > 1 else (0.0, 0)


def _is_regular(head: str, *, whole: bool) -> bool:
    """Whether all records have the same fields; the last may have been cut."""
    text = head if whole else head[: head.rfind("\n") + 1]
    if text.count("\n") < _FEWEST - 1:
        return False
    return any(_regularity(text, delimiter)[0] == 1.0 for delimiter in _DELIMITERS)
