"""Compiles filters to SQL expressions. Names and values are bound parameters, never part of the SQL text.

Every expression is true or false, never NULL, so that `not` means what it says. A metadata field is looked
up by comparing names, not by a JSON path, so that no name can mean another one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, false, not_, or_, select, true

from ragent.errors import QueryError
from ragent.filters import And, Compare, Exists, Filter, Not, Or, Value, fields
from ragent.store.comparing import has_member, numbered, ordered
from ragent.store.tables import ChunkRow, DocumentRow, SourceRow

_TEXTS = {"uri": DocumentRow.uri, "title": DocumentRow.title, "media_type": DocumentRow.media_type}
_OF_CHUNKS = "page"
_METADATA = "metadata."

FLEETING = frozenset({"source", "title", "updated", "uri"})
"""Fields whose values may change without a new generation of the collection, as when a file is moved."""


def matching(collection_id: int, where: Filter, dialect: str) -> Select[Any]:
    """Ids of a collection's chunks that meet a filter, in order. Raises QueryError for an unreadable date."""
    return passing(collection_id, where, dialect).order_by(ChunkRow.id)


def passing(collection_id: int, where: Filter, dialect: str) -> Select[Any]:
    """The same in any order."""
    chunks = select(ChunkRow.id).where(ChunkRow.collection_id == collection_id)
    condition = met(where, dialect)
    if _OF_CHUNKS in fields(where):
        return chunks.join(DocumentRow, DocumentRow.id == ChunkRow.document_id).where(condition)
    # A document's metadata is looked at once, not once for each of its chunks.
    documents = select(DocumentRow.id).where(DocumentRow.collection_id == collection_id, condition)
    return chunks.where(ChunkRow.document_id.in_(documents))


def met(where: Filter, dialect: str) -> ColumnElement[bool]:
    """A filter as a condition on the columns of chunks and documents. Raises as `matching` does."""
    match where:
        case And():
            return and_(true(), *(met(part, dialect) for part in where.parts))
        case Or():
            return or_(false(), *(met(part, dialect) for part in where.parts))
        case Not():
            return not_(met(where.part, dialect))
        case Exists():
            return _exists(where.field, dialect)
        case Compare():
            return _compare(where, dialect)


def _exists(field: str, dialect: str) -> ColumnElement[bool]:
    if field == _OF_CHUNKS:
        return ChunkRow.page.is_not(None)
    if field == "source":
        return exists().where(SourceRow.id == DocumentRow.source_id)
    if field in _TEXTS or field == "updated":
        return true()
    return has_member(dialect, field.removeprefix(_METADATA), None)


def _compare(where: Compare, dialect: str) -> ColumnElement[bool]:
    if where.field == "updated":
        return _in_time(DocumentRow.updated_at, where)
    if where.field == _OF_CHUNKS:
        is_number = isinstance(where.value, int | float) and not isinstance(where.value, bool)
        page = ChunkRow.page
        return and_(page.is_not(None), numbered(dialect, page, where)) if is_number else false()
    if where.field in _TEXTS or where.field == "source":
        return _in_text(where) if isinstance(where.value, str) else false()
    return has_member(dialect, where.field.removeprefix(_METADATA), where)


def _in_text(where: Compare) -> ColumnElement[bool]:
    if where.field in _TEXTS:
        return ordered(_TEXTS[where.field], where.operator, where.value)
    listed = SourceRow.id == DocumentRow.source_id
    sources = select(SourceRow.id).where(listed, ordered(SourceRow.argument, where.operator, where.value))
    return exists(sources.correlate(DocumentRow))


def _in_time(column: Any, where: Compare) -> ColumnElement[bool]:
    if where.operator == "prefix":
        raise QueryError(f"{where.field!r} has no prefix", hint=f"such as {where.field}>=2024-05-01")
    first, after = _span(where.field, where.value)
    if where.operator == "=":
        return and_(column >= first, column < after)
    # Later than a day is not before its end; up to a day is before its end.
    comparison, moment = {">": (">=", after), "<=": ("<", after)}.get(where.operator, (where.operator, first))
    return ordered(column, comparison, moment)


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
