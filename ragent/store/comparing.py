"""How columns and members of a document's metadata compare with a filter's value, as SQL.

The members of a JSON object are rows to both databases: to SQLite by `json_each`, to PostgreSQL by
`jsonb_each`. Numbers compare by their decimals in PostgreSQL, which would round a float to a column's type.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Numeric,
    String,
    and_,
    case,
    cast,
    column,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB

from ragent.filters import Compare
from ragent.store.columns import POSTGRESQL
from ragent.store.tables import DocumentRow

_LAST_CHARACTER = 0x10FFFF
_NO_PATH: ColumnElement[Any] = literal_column("'{}'::text[]")
_SURROGATES = range(0xD800, 0xE000)

_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def ordered(of: Any, sign: str, value: Any) -> ColumnElement[bool]:
    """The expression compares so with the value; `prefix`: it begins so."""
    if sign != "prefix":
        compared: ColumnElement[bool] = _COMPARISONS[sign](of, value)
        return compared
    end = _after(str(value))
    return and_(of >= value, true() if end is None else of < end)


def numbered(dialect: str, of: Any, where: Compare) -> ColumnElement[bool]:
    """A column of numbers compares so with a number."""
    if dialect != POSTGRESQL:
        return ordered(of, where.operator, where.value)
    return ordered(cast(of, Numeric), where.operator, _decimal(where.value))


def has_member(dialect: str, name: str, where: Compare | None) -> ColumnElement[bool]:
    """A document's metadata has a member of that name, and it, or one element of it, compares so."""
    return (_postgresql_member if dialect == POSTGRESQL else _sqlite_member)(name, where)


def _sqlite_member(name: str, where: Compare | None) -> ColumnElement[bool]:
    members = func.json_each(DocumentRow.meta).table_valued("key", "value", "type", "atom", name="member")
    named = members.c.key == name
    if where is None:
        return exists(select(1).select_from(members).where(named).correlate(DocumentRow))
    array = case((members.c.type == "array", members.c.value), else_="[]")
    elements = func.json_each(array).table_valued("type", "atom", name="element")
    of_elements = select(1).select_from(elements).where(_sqlite_value(elements, where)).correlate(members)
    either = or_(_sqlite_value(members, where), exists(of_elements))
    return exists(select(1).select_from(members).where(named, either).correlate(DocumentRow))


def _sqlite_value(of: Any, where: Compare) -> ColumnElement[bool]:
    """The JSON value is of the type that is compared with, and compares so."""
    kind: ColumnElement[str] = of.c.type
    match where.value:
        case bool():
            return kind == ("true" if where.value else "false")
        case None:
            return kind == "null"
        case str():
            return and_(kind == "text", ordered(of.c.atom, where.operator, where.value))
    return and_(kind.in_(["integer", "real"]), ordered(of.c.atom, where.operator, where.value))


def _postgresql_member(name: str, where: Compare | None) -> ColumnElement[bool]:
    members = func.jsonb_each(DocumentRow.meta).table_valued(
        column("key", String), column("value", JSONB), name="member"
    )
    named = members.c.key.collate("C") == name
    if where is None:
        return exists(select(1).select_from(members).where(named).correlate(DocumentRow))
    is_array = func.jsonb_typeof(members.c.value) == "array"
    array = case((is_array, members.c.value), else_=literal([], JSONB))
    elements = func.jsonb_array_elements(array).table_valued(column("value", JSONB), name="element")
    of_elements = select(1).select_from(elements).where(_postgresql_value(elements.c.value, where))
    either = or_(_postgresql_value(members.c.value, where), exists(of_elements.correlate(members)))
    return exists(select(1).select_from(members).where(named, either).correlate(DocumentRow))


def _postgresql_value(of: Any, where: Compare) -> ColumnElement[bool]:
    kind = func.jsonb_typeof(of)
    match where.value:
        case bool() | None:
            return of == literal(where.value, JSONB)  # type: ignore[no-any-return]
        case str():
            text = of.op("#>>", return_type=String())(_NO_PATH).collate("C")
            return and_(kind == "string", ordered(text, where.operator, where.value))
    # CASE keeps its order, AND doesn't: no other value may be read as a number.
    number = case((kind == "number", cast(of, Numeric)))
    return func.coalesce(ordered(number, where.operator, _decimal(where.value)), False)


def _decimal(value: Any) -> ColumnElement[Any]:
    return literal(Decimal(repr(value)), Numeric)


def _after(prefix: str) -> str | None:
    """The first text, by code points, beyond all that begin with `prefix`; None where there is none."""
    kept = prefix.rstrip(chr(_LAST_CHARACTER))
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(_SURROGATES.stop if following in _SURROGATES else following)
