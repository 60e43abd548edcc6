"""Types of columns that mean the same on SQLite and on PostgreSQL.

Texts compare by code points on both, whole numbers have 64 bits, JSON is searchable, and a vector is the same
bytes: `halfvec` of pgvector holds the IEEE half precision that SQLite holds as a blob.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Connection,
    Dialect,
    Integer,
    LargeBinary,
    String,
    TypeDecorator,
    func,
    text,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.types import UserDefinedType

POSTGRESQL = "postgresql"

Int = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite numbers rows by an INTEGER alone, which has 64 bits there."""

Json = JSON().with_variant(JSONB(), POSTGRESQL)
JsonOrNull = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), POSTGRESQL)

_HEADER_BYTES = 4
_UNSPEAKABLE = re.compile("[\x00\ud800-\udfff]")
_SUSPECT = re.compile(r"\\u(0000|d[89a-f])")


def inserting_new(connection: Connection, table: Any) -> Any:
    """An INSERT that passes over rows whose key is there already."""
    make = insert_postgresql if connection.dialect.name == POSTGRESQL else insert_sqlite
    return make(table).on_conflict_do_nothing()


def where_given(column: str) -> dict[str, Any]:
    """What makes an index hold only rows in which a column is given."""
    given = text(f"{column} IS NOT NULL")
    return {"sqlite_where": given, "postgresql_where": given}


class Text(TypeDecorator[str]):
    """A text. PostgreSQL has no NUL: U+FFFD takes its place there, so that offsets stay what they are."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """By code points, where the server would compare by the rules of a language."""
        return dialect.type_descriptor(String(collation="C" if dialect.name == POSTGRESQL else None))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """What the database can hold."""
        return speakable(value) if value and dialect.name == POSTGRESQL and "\x00" in value else value


class HalfBytes(bytes):
    """A vector on its way to PostgreSQL: little-endian float16, by which psycopg knows what it is."""


class Half(TypeDecorator[bytes]):
    """A vector as `ragent.store.vectors` encodes it."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """A blob, or pgvector's type."""
        return dialect.type_descriptor(HalfVector() if dialect.name == POSTGRESQL else LargeBinary())


class HalfVector(UserDefinedType[bytes]):
    """pgvector's `halfvec`, read and written in its binary form."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Without a dimension: collections differ in theirs."""
        return "halfvec"

    def bind_processor(self, dialect: Dialect) -> Callable[[bytes | None], HalfBytes | None]:
        """Mark what is a vector."""
        return lambda value: None if value is None else HalfBytes(value)

    def column_expression(self, colexpr: ColumnElement[Any]) -> ColumnElement[Any]:
        """As bytes, which are read much faster than its decimals."""
        return type_coerce(func.halfvec_send(colexpr), self)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], bytes | None]:
        """From pgvector's byte order to ours."""
        return lambda value: None if value is None else from_wire(bytes(value))


def from_wire(value: bytes) -> bytes:
    """Of what `halfvec_send` gives: its length and big-endian halves."""
    return np.frombuffer(value, ">f2", offset=_HEADER_BYTES).astype("<f2").tobytes()


def to_wire(value: bytes) -> bytes:
    """What `halfvec_recv` takes."""
    halves = np.frombuffer(value, "<f2")
    return len(halves).to_bytes(2, "big") + b"\0\0" + halves.astype(">f2").tobytes()


def speakable(text: str) -> str:
    """A text as PostgreSQL holds it: U+FFFD stands for NUL and for half surrogate pairs."""
    return _UNSPEAKABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def to_json(value: Any) -> str:
    """JSON as PostgreSQL takes it: texts are speakable, and numbers that are none are null."""
    try:
        written = json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(_fitting(value))
    return json.dumps(_fitting(value)) if _SUSPECT.search(written) else written


def _fitting(value: Any) -> Any:
    match value:
        case str():
            return speakable(value)
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {_fitting(name): _fitting(part) for name, part in value.items()}
        case list() | tuple():
            return [_fitting(part) for part in value]
    return value
