"""A trace as HTML: each step with a bar for when it ran, those within it below, and what is known of it."""

from __future__ import annotations

from collections.abc import Iterator

from ragent.store import Trace
from ragent.trace import SpanRecord
from ragent_ui.markup import escaped
from ragent_ui.words import t


def drawn(trace: Trace) -> str:
    """The whole tree, letter by letter: names, attributes and texts are anybody's."""
    whole = max(trace.root.duration_ns or 0, *(_end(each, trace.root) for each in _all(trace)), 1)
    return f'<ul class="rg-trace">{_item(trace, trace.root.started_ns, whole)}</ul>'


def duration(span: SpanRecord) -> str:
    """How long it took, in words."""
    if span.duration_ns is None:
        return t("traces.running")
    seconds = span.duration_ns / 1e9
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


def _item(trace: Trace, began: int, whole: int) -> str:
    span = trace.root
    left = 100 * (span.started_ns - began) / whole
    width = 100 * (span.duration_ns or 0) / whole
    failed = " rg-failed" if span.error else ""
    head = (
        f'<span class="rg-span{failed}"><b>{escaped(span.name)}</b><i>{escaped(duration(span))}</i>'
        f'<span class="rg-time"><span style="left:{left:.2f}%;width:{max(width, 0.4):.2f}%"></span></span>'
        "</span>"
    )
    error = f'<p class="rg-error">{escaped(span.error)}</p>' if span.error else ""
    parts = "".join(_item(part, began, whole) for part in trace.parts)
    inner = f"<ul>{parts}</ul>" if parts else ""
    return f"<li><details><summary>{head}</summary>{_attributes(span)}</details>{error}{inner}</li>"


def _attributes(span: SpanRecord) -> str:
    rows = "".join(
        f"<tr><th>{escaped(name)}</th><td>{escaped(_plain(value))}</td></tr>"
        for name, value in {**span.attributes, **span.content}.items()
    )
    return f"<table>{rows}</table>" if rows else ""


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _all(trace: Trace) -> Iterator[SpanRecord]:
    yield trace.root
    for part in trace.parts:
        yield from _all(part)


def _end(span: SpanRecord, root: SpanRecord) -> int:
    return span.started_ns - root.started_ns + (span.duration_ns or 0)
