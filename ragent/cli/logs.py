"""`ragent logs`, and traces as trees for whoever shows one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragent.cli.face import Face, HomeOption, JsonOption
from ragent.cli.since import moment

if TYPE_CHECKING:
    from rich.tree import Tree

    from ragent.store import Trace, TraceStore, TraceSummary
    from ragent.trace import SpanRecord

_SHORT = 12
_POLL_SECONDS = 0.5
_SHOWN = {
    "ragent.collection": "collection",
    "ragent.hits": "hits",
    "ragent.plan.mode": "mode",
    "ragent.texts": "texts",
    "ragent.continuations": "continuations",
    "ragent.abstained": "abstained",
    "ragent.citations": "citations",
    "ragent.support": "support",
    "ragent.added": "added",
    "ragent.updated": "updated",
    "ragent.failed": "failed",
    "ragent.chunks": "chunks",
    "ragent.stop_reason": "stopped",
    "ragent.tainted": "tainted",
    "gen_ai.response.finish_reasons": "finish",
    "gen_ai.response.time_to_first_chunk": "first token s",
    "gen_ai.usage.cache_read.input_tokens": "reused tokens",
    "ragent.trace.dropped": "spans lost",
}
"""What a line of a tree says besides time and tokens; `--json` has all attributes."""


class TraceKind(StrEnum):
    """Of which kind a trace is."""

    ask = "ask"
    search = "search"
    agent = "agent"
    ingest = "ingest"
    case = "case"


def logs(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(metavar="[RUN|TRACE]", help="Show this one as a tree; the id's beginning will do."),
    ] = "",
    last: Annotated[int, typer.Option("--last", metavar="N", min=1, help="How many to list.")] = 20,
    kind: Annotated[TraceKind | None, typer.Option("--kind", help="Only these.")] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Only later ones: 30m, 2h, 7d, or 2025-03-01[T14:00]."),
    ] = None,
    errors: Annotated[bool, typer.Option("--errors", help="Only those in which something failed.")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Go on listing new ones, until Ctrl-C.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """What was asked, searched, run and ingested, when, in what time, and with how many tokens.

    Traces hold sizes and hashes of texts, not the texts, unless trace.content is on. With --follow, --json
    gives JSON Lines.
    """
    from ragent.store import TraceStore, Wanted

    face = Face(context, home, None, as_json)
    wanted = Wanted(
        last, kind.value if kind else "", int(moment(since).timestamp() * 1e9) if since else 0, errors
    )
    with face.rag() as rag:
        traces = TraceStore(rag.store)
        if name:
            show_traces(face, traces.find(name))
            return
        found = traces.last(wanted)
        if follow:
            _follow(face, traces, wanted, found)
        elif face.as_json:
            face.print_json({"traces": [_summary(one) for one in found]})
        else:
            _print_list(face, found)


def show_traces(face: Face, traces: Sequence[Trace]) -> None:
    """Print traces, of one run say, each as a tree; as JSON, nested."""
    if face.as_json:
        face.print_json({"traces": [_nested(trace) for trace in traces]})
        return
    for trace in traces:
        began = _clock(trace.root.started_ns)
        face.console.print(f"trace {trace.root.trace_id}, {began}", style="dim", markup=False)
        face.console.print(_tree(trace), soft_wrap=False)


def _follow(face: Face, traces: TraceStore, wanted: Any, found: list[TraceSummary]) -> None:
    shown: set[str] = set()
    while True:
        for one in found:
            if one.root.span_id not in shown and one.root.duration_ns is not None:
                shown.add(one.root.span_id)
                if face.as_json:
                    face.print_json(_summary(one))
                else:
                    face.console.print(_line(one), markup=False)
        time.sleep(_POLL_SECONDS)
        found = traces.last(wanted)


def _print_list(face: Face, found: Sequence[TraceSummary]) -> None:
    for one in found:
        face.console.print(_line(one), markup=False, style="red" if one.root.error else "")
    if not found:
        face.messages.print("no traces")


def _line(one: TraceSummary) -> str:
    root = one.root
    parts = [root.trace_id[:_SHORT], _clock(root.started_ns), f"{root.name:<12}", f"{_duration(root):>9}"]
    if tokens := _tokens(one.input_tokens, one.output_tokens):
        parts.append(tokens)
    if root.run:
        parts.append(f"run {root.run}")
    if one.failed:
        parts.append(root.error or f"{one.failed} failed inside")
    return "  ".join(parts)


def _tree(trace: Trace) -> Tree:
    from rich.tree import Tree

    tree = Tree(_label(trace.root), guide_style="dim")
    _grow(tree, trace.parts)
    return tree


def _grow(tree: Tree, parts: Sequence[Trace]) -> None:
    for part in parts:
        _grow(tree.add(_label(part.root)), part.parts)


def _label(span: SpanRecord) -> Any:
    from rich.text import Text

    attributes = span.attributes
    label = Text(span.name, style="bold red" if span.error else "bold")
    label.append(f"  {_duration(span)}", style="cyan")
    read, written = (attributes.get(f"gen_ai.usage.{way}_tokens", 0) for way in ("input", "output"))
    if tokens := _tokens(int(str(read)), int(str(written))):
        label.append(f"  {tokens}", style="green")
    if span.error:
        label.append(f"  {span.error}", style="red")
    said = [f"{word} {_plain(attributes[key])}" for key, word in _SHOWN.items() if key in attributes]
    if said:
        label.append(f"  {', '.join(said)}", style="dim")
    for key, text in span.content.items():
        label.append(f"\n{key}: {text}", style="dim")
    return label


def _tokens(read: int, written: int) -> str:
    return f"{read} → {written} tokens" if read or written else ""


def _duration(span: SpanRecord) -> str:
    if span.duration_ns is None:
        return "not over"
    seconds = span.duration_ns / 1e9
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        return "/".join(map(str, value))
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _clock(unix_ns: int) -> str:
    return datetime.fromtimestamp(unix_ns / 1e9).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _summary(one: TraceSummary) -> dict[str, Any]:
    return _about(one.root) | {
        "spans": one.spans,
        "failed": one.failed,
        "input_tokens": one.input_tokens,
        "output_tokens": one.output_tokens,
    }


def _nested(trace: Trace) -> dict[str, Any]:
    root = trace.root
    return _about(root) | {
        "span": root.span_id,
        "attributes": root.attributes,
        **({"content": root.content} if root.content else {}),
        "parts": [_nested(part) for part in trace.parts],
    }


def _about(span: SpanRecord) -> dict[str, Any]:
    return {
        "trace": span.trace_id,
        "run": span.run or None,
        "name": span.name,
        "kind": span.kind,
        "started": datetime.fromtimestamp(span.started_ns / 1e9, UTC).isoformat(),
        "seconds": None if span.duration_ns is None else span.duration_ns / 1e9,
        "error": span.error or None,
    }
