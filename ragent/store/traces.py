"""Traces in the database: spans are written as they end, listed by their roots, and forgotten in time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select

from ragent.errors import StoreError
from ragent.store.store import Store
from ragent.store.tables import SpanRow
from ragent.trace import SpanRecord

_BUSY_MS = 5000
_DAY_NS = 86_400 * 10**9
_MODEL_CALLS = ("chat", "score")
_SHORTEST_NAME = 4


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which traces to list: the last so many, of a kind, begun since a Unix time in ns, that failed."""

    count: int = 20
    kind: str = ""
    since_ns: int = 0
    errors: bool = False


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """A trace's root, with the number of its spans, of those that failed, and its model calls' tokens."""

    root: SpanRecord
    spans: int
    failed: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Trace:
    """A span with all that it is made of, in the order in which it began."""

    root: SpanRecord
    parts: tuple[Trace, ...] = field(default=())


class TraceStore:
    """The traces of a home. Safe to share between threads. As a `Sink`, it keeps what it is given."""

    def __init__(self, store: Store, *, keep_days: float = 0) -> None:
        """Traces older than `keep_days` are removed when the first is written; 0: none ever."""
        self._store = store
        self._keep_days = keep_days
        self._pruned = False

    def write(self, spans: Sequence[SpanRecord]) -> None:
        """Keep spans, in one transaction. Whoever keeps the database busy is waited for only briefly."""
        latest = {span.span_id: span for span in spans}
        with self._store.writing_briefly(_BUSY_MS) as connection:
            if self._keep_days and not self._pruned:
                _prune(connection, int(self._keep_days * _DAY_NS))
                self._pruned = True
            begun = [span.span_id for span in latest.values() if span.parent_id is None]
            if begun:
                connection.execute(delete(SpanRow).where(SpanRow.span_id.in_(begun)))
            connection.execute(insert(SpanRow), [_values(span) for span in latest.values()])

    def last(self, wanted: Wanted) -> list[TraceSummary]:
        """The last traces that are wanted, the oldest of them first."""
        query = select(SpanRow).where(SpanRow.parent_id.is_(None), SpanRow.started_ns >= wanted.since_ns)
        if wanted.kind:
            query = query.where(SpanRow.kind == wanted.kind)
        if wanted.errors:
            failed = select(SpanRow.trace_id).where(SpanRow.error.is_not(None))
            query = query.where(SpanRow.trace_id.in_(failed))
        with self._store.reading() as connection:
            found = connection.execute(query.order_by(SpanRow.started_ns.desc()).limit(wanted.count))
            roots = [_record(row) for row in found][::-1]
            counts = {row.trace_id: row for row in connection.execute(_counts([r.trace_id for r in roots]))}
        return [_summary(root, counts[root.trace_id]) for root in roots]

    def find(self, name: str) -> list[Trace]:
        """The traces of an agent's run, by its id, or the trace of that id; their beginnings will do.

        Raises:
            StoreError: there is none, or there are several that begin so.
        """
        if len(name) < _SHORTEST_NAME:
            raise StoreError(f"{name!r} is too short to name a trace", hint="at least four characters")
        same_run = SpanRow.run.startswith(name, autoescape=True)
        same_trace = SpanRow.parent_id.is_(None) & SpanRow.trace_id.startswith(name, autoescape=True)
        query = select(SpanRow).where(or_(same_run, same_trace)).order_by(SpanRow.started_ns)
        with self._store.reading() as connection:
            roots = [_record(row) for row in connection.execute(query)]
            names = {root.run if root.run.startswith(name) else root.trace_id for root in roots}
            if len(names) != 1:
                problem = "more than one trace or run begins with" if names else "there is no trace or run"
                raise StoreError(f"{problem} {name!r}", hint="`ragent logs` lists them")
            return [_tree(root, _spans(connection, root.trace_id)) for root in roots]


def _prune(connection: Connection, keep_ns: int) -> None:
    # A clock that is years ahead must not take everything along: the age of a trace is reckoned from a day
    # after the last one that is kept. Where none was recorded for long, the next process removes what is old.
    newest = connection.scalar(select(func.max(SpanRow.started_ns))) or 0
    oldest = min(time.time_ns(), newest + _DAY_NS) - keep_ns
    connection.execute(delete(SpanRow).where(SpanRow.started_ns < oldest))


def _values(span: SpanRecord) -> dict[str, Any]:
    attributes = span.attributes
    return {
        "span_id": span.span_id,
        "trace_id": span.trace_id,
        "parent_id": span.parent_id,
        "run": span.run or None,
        "name": span.name,
        "kind": span.kind,
        "started_ns": span.started_ns,
        "duration_ns": span.duration_ns,
        "error": span.error or None,
        "input_tokens": attributes.get("gen_ai.usage.input_tokens"),
        "output_tokens": attributes.get("gen_ai.usage.output_tokens"),
        "attributes": attributes,
        "content": span.content or None,
    }


def _record(row: Any) -> SpanRecord:
    return SpanRecord(
        row.trace_id,
        row.span_id,
        row.parent_id,
        row.name,
        row.kind,
        row.started_ns,
        row.duration_ns,
        {name: tuple(v) if isinstance(v, list) else v for name, v in row.attributes.items()},
        row.content or {},
    )


def _counts(trace_ids: Sequence[str]) -> Any:
    """Of each trace: its spans, and the tokens of its model calls alone, which others may sum up."""
    called = SpanRow.kind.in_(_MODEL_CALLS)
    return (
        select(
            SpanRow.trace_id,
            func.count().label("spans"),
            func.count(SpanRow.error).label("failed"),
            func.sum(SpanRow.input_tokens).filter(called).label("input_tokens"),
            func.sum(SpanRow.output_tokens).filter(called).label("output_tokens"),
        )
        .where(SpanRow.trace_id.in_(trace_ids))
        .group_by(SpanRow.trace_id)
    )


def _summary(root: SpanRecord, counted: Any) -> TraceSummary:
    return TraceSummary(
        root, counted.spans, counted.failed, int(counted.input_tokens or 0), int(counted.output_tokens or 0)
    )


def _spans(connection: Connection, trace_id: str) -> list[SpanRecord]:
    query = select(SpanRow).where(SpanRow.trace_id == trace_id).order_by(SpanRow.started_ns, SpanRow.span_id)
    return [_record(row) for row in connection.execute(query)]


def _tree(root: SpanRecord, spans: Sequence[SpanRecord]) -> Trace:
    return Trace(root, tuple(_tree(span, spans) for span in spans if span.parent_id == root.span_id))
