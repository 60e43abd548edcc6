"""Compiles filters to SQL expressions. Names and values are bound parameters, never part of the SQL text.

Every expression is true or false, never NULL, so that `not` means what it says. A metadata field is looked
up by comparing names, not by a JSON path, so that no name can mean another one.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, false, func, not_, or_, select, true

from ragent.errors import QueryError
from ragent.filters import And, Compare, Exists, Filter, Not, Or, Value, fields
from ragent.store.tables import ChunkRow, DocumentRow, SourceRow

_TEXTS = {"uri": DocumentRow.uri, "title": DocumentRow.title, "media_type": DocumentRow.media_type}
_OF_CHUNKS = "page"
_METADATA = "metadata."
_LAST_CHARACTER = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)

_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

FLEETING = frozenset({"source", "title", "updated", "uri"})
"""Fields whose values may change without a new generation of the collection, as when a file is moved."""


def matching(collection_id: int, where: Filter) -> Select[Any]:
    """Ids of a collection's chunks that meet a filter, in order. Raises QueryError for an unreadable date."""
    chunks = select(ChunkRow.id).where(ChunkRow.collection_id == collection_id).order_by(ChunkRow.id)
    condition = _condition(where)
    if _OF_CHUNKS in fields(where):
        return chunks.join(DocumentRow, DocumentRow.id == ChunkRow.document_id).where(condition)
    # A document's metadata is looked at once, not once for each of its chunks.
    documents = select(DocumentRow.id).where(DocumentRow.collection_id == collection_id, condition)
    return chunks.where(ChunkRow.document_id.in_(documents))


def _condition(where: Filter) -> ColumnElement[bool]:
    match where:
        case And():
            return and_(true(), *(_condition(part) for part in where.parts))
        case Or():
            return or_(false(), *(_condition(part) for part in where.parts))
        case Not():
            return not_(_condition(where.part))
        case Exists():
            return _exists(where.field)
        case Compare():
            return _compare(where)


def _exists(field: str) -> ColumnElement[bool]:
    if field == _OF_CHUNKS:
        return ChunkRow.page.is_not(None)
    if field == "source":
        return exists().where(SourceRow.id == DocumentRow.source_id)
    if field in _TEXTS or field == "updated":
        return true()
    members = func.json_each(DocumentRow.meta).table_valued("key", name="member")
    named = members.c.key == field.removeprefix(_METADATA)
    return exists(select(1).select_from(members).where(named).correlate(DocumentRow))


def _compare(where: Compare) -> ColumnElement[bool]:
    if where.field == "updated":
        return _in_time(DocumentRow.updated_at, where)
    if where.field == _OF_CHUNKS:
        is_number = isinstance(where.value, int | float) and not isinstance(where.value, bool)
        page = ChunkRow.page
        return and_(page.is_not(None), _ordered(page, where)) if is_number else false()
    if where.field in _TEXTS or where.field == "source":
        return _in_text(where) if isinstance(where.value, str) else false()
    return _in_metadata(where)


def _in_text(where: Compare) -> ColumnElement[bool]:
    if where.field in _TEXTS:
        return _ordered(_TEXTS[where.field], where)
    listed = SourceRow.id == DocumentRow.source_id
    sources = select(SourceRow.id).where(listed, _ordered(SourceRow.argument, where))
    return exists(sources.correlate(DocumentRow))


def _in_metadata(where: Compare) -> ColumnElement[bool]:
    """The member of that name, or one element of it, compares so."""
    members = func.json_each(DocumentRow.meta).table_valued("key", "value", "type", "atom", name="member")
    array = case((members.c.type == "array", members.c.value), else_="[]")
    elements = func.json_each(array).table_valued("type", "atom", name="element")
    of_elements = select(1).select_from(elements).where(_typed(elements, where)).correlate(members)
    named = members.c.key == where.field.removeprefix(_METADATA)
    either = or_(_typed(members, where), exists(of_elements))
    return exists(select(1).select_from(members).where(named, either).correlate(DocumentRow))


def _typed(of: Any, where: Compare) -> ColumnElement[bool]:
    """The JSON value is of the type that is compared with, and compares so."""
    kind: ColumnElement[str] = of.c.type
    match where.value:
        case bool():
            return kind == ("true" if where.value else "false")
        case None:
            return kind == "null"
        case str():
            return and_(kind == "text", _ordered(of.c.atom, where))
    return and_(kind.in_(["integer", "real"]), _ordered(of.c.atom, where))


def _ordered(column: Any, where: Compare) -> ColumnElement[bool]:
    if where.operator != "prefix":
        compared: ColumnElement[bool] = _COMPARISONS[where.operator](column, where.value)
        return compared
    end = _after(str(where.value))
    return and_(column >= where.value, true() if end is None else column < end)


def _after(prefix: str) -> str | None:
    """The first text, by code points, beyond all that begin with `prefix`; None where there is none."""
    kept = prefix.rstrip(chr(_LAST_CHARACTER))
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(_SURROGATES.stop if following in _SURROGATES else following)


def _in_time(column: Any, where: Compare) -> ColumnElement[bool]:
    if where.operator == "prefix":
        raise QueryError(f"{where.field!r} has no prefix", hint=f"such as {where.field}>=2024-05-01")
    first, after = _span(where.field, where.value)
    if where.operator == "=":
        return and_(column >= first, column < after)
    # Later than a day is not before its end; up to a day is before its end.
    comparison, moment = {">": (">=", after), "<=": ("<", after)}.get(where.operator, (where.operator, first))
    compared: ColumnElement[bool] = _COMPARISONS[comparison](column, moment)
    return compared


def _span(field: str, value: Value) -> tuple[datetime, datetime]:
    """The moments that a date (all of that day) or a time (that second) stands for; local, by default."""
    try:
        first = datetime.fromisoformat(str(value)).astimezone(UTC)
        length = timedelta(days=1) if len(str(value)) <= len("2024-05-01") else timedelta(seconds=1)
        return first, first + length
    except (ValueError, OverflowError):
        raise QueryError(
            f"{field!r}: {value!r} is no date", hint="such as 2024-05-01 or 2024-05-01T12:00"
        ) from None
