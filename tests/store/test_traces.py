from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete

from ragent.errors import StoreError, ToolError
from ragent.store import Store, TraceStore, Wanted
from ragent.store.tables import SpanRow
from ragent.trace import Outlet, SpanRecord, Tracer, execute_tool, invoke_agent, span
from ragent.types import Usage
from tests.databases import bytes_held, kept_busy
from tests.making import FINGERPRINT, new_document

DAY_NS = 86_400 * 10**9


@pytest.fixture
def traces(store: Store) -> TraceStore:
    return TraceStore(store)


@pytest.fixture
def tracer(traces: TraceStore) -> Iterator[Tracer]:
    made = Tracer([Outlet(traces)], content=True)
    yield made
    made.flush()


def a_span(span_id: str, started_ns: int = 1, **changes: object) -> SpanRecord:
    record = SpanRecord("a" * 32, span_id, None, "search", "search", started_ns, 5, {"ragent.k": 3})
    return replace(record, **changes)  # type: ignore[arg-type]


def test_a_trace_comes_back_as_the_tree_it_was(tracer: Tracer, traces: TraceStore) -> None:
    with tracer.span("ask", "ask", {"ragent.k": 6}) as root:
        root.text("query", "Who?")
        with span("retrieval", "retrieval"):
            pass
        with span("chat tiny", "chat") as call:
            call.usage(Usage(12, 3))
            call.set({"gen_ai.response.finish_reasons": ("stop",)})
        root.usage(Usage(12, 3))
    tracer.flush()
    (summary,) = traces.last(Wanted())
    assert (summary.spans, summary.failed) == (3, 0)
    assert (summary.input_tokens, summary.output_tokens) == (12, 3)
    (trace,) = traces.find(summary.root.trace_id[:8])
    assert trace.root == summary.root
    assert [part.root.name for part in trace.parts] == ["retrieval", "chat tiny"]
    assert trace.parts[1].root.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert trace.root.content == {"gen_ai.retrieval.query.text": "Who?"}


def test_what_was_begun_is_replaced_by_what_ended(traces: TraceStore) -> None:
    traces.write([a_span("1", duration_ns=None)])
    assert traces.last(Wanted())[0].root.duration_ns is None
    traces.write([a_span("1", duration_ns=7)])
    assert [one.root.duration_ns for one in traces.last(Wanted())] == [7]


def test_the_last_are_listed_by_kind_time_and_error(traces: TraceStore) -> None:
    for number in range(6):
        kind = "ask" if number % 2 else "search"
        failed = {"error.type": "LLMError"} if number == 3 else {}
        traces.write([a_span(str(number), number, trace_id=f"{number:032}", kind=kind, attributes=failed)])

    def listed(wanted: Wanted) -> list[int]:
        return [one.root.started_ns for one in traces.last(wanted)]

    assert listed(Wanted(count=2)) == [4, 5]
    assert listed(Wanted(kind="ask")) == [1, 3, 5]
    assert listed(Wanted(since_ns=4)) == [4, 5]
    assert listed(Wanted(errors=True)) == [3]


def test_a_run_is_found_by_its_id_also_inside_another(tracer: Tracer, traces: TraceStore) -> None:
    boss = invoke_agent("boss", tracer=tracer, run="run-boss")
    with boss, invoke_agent("helper", run="run-helper"), pytest.raises(ToolError), execute_tool("add", {}):
        raise ToolError("no")
    with invoke_agent("boss", tracer=tracer, run="run-boss"):
        pass
    tracer.flush()
    assert [trace.root.name for trace in traces.find("run-boss")] == ["invoke_agent boss"] * 2
    (helper,) = traces.find("run-help")
    assert [part.root.error for part in helper.parts] == ["ToolError"]
    with pytest.raises(StoreError, match="more than one"):
        traces.find("run-")
    with pytest.raises(StoreError, match="no trace"):
        traces.find("run-nobody")
    with pytest.raises(StoreError, match="too short"):
        traces.find("ru")


def test_old_traces_are_removed(store: Store, traces: TraceStore) -> None:
    now = time.time_ns()
    traces.write([a_span("1", now - 3 * DAY_NS), a_span("2", now - DAY_NS)])
    TraceStore(store, keep_days=2).write([a_span("3", now)])
    assert [one.root.span_id for one in traces.last(Wanted())] == ["2", "3"]


def test_a_clock_that_is_far_ahead_costs_no_trace_at_once(
    store: Store, traces: TraceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time_ns()
    traces.write([a_span("1", now - DAY_NS), a_span("2", now)])
    ahead = now + 3650 * DAY_NS
    with monkeypatch.context() as patched:
        patched.setattr(time, "time_ns", lambda: ahead)
        TraceStore(store, keep_days=3).write([a_span("3", ahead)])
    TraceStore(store, keep_days=3).write([a_span("4", now)])
    assert {one.root.span_id for one in traces.last(Wanted())} == {"1", "2", "3", "4"}


def test_a_busy_database_costs_the_trace_and_no_more(store: Store, traces: TraceStore) -> None:
    with kept_busy(store), pytest.raises(StoreError, match="busy"), store.writing_briefly(20) as connection:
        connection.execute(delete(SpanRow))
    traces.write([a_span("1")])
    assert len(traces.last(Wanted())) == 1


def test_forgetting_a_document_leaves_no_text_in_traces(
    store: Store, tracer: Tracer, traces: TraceStore
) -> None:
    collection = store.ensure_collection("default", FINGERPRINT)
    store.write(collection, [new_document("file:///a.txt", ["The heron stands on one leg at dusk."])])
    with tracer.span("ask", "ask") as root:
        root.text("output", "The heron stands on one leg at dusk.")
    tracer.flush()
    (document,) = store.known_documents(collection.id).values()
    store.erase([document.id])
    (summary,) = traces.last(Wanted())
    assert summary.root.content == {}
    assert summary.root.attributes["ragent.output.chars"] == 36
    assert b"heron" not in bytes_held(store)


def test_a_killed_process_leaves_a_readable_trace(tmp_path: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from ragent.store import Store, TraceStore
from ragent.trace import Outlet, Tracer, span

tracer = Tracer([Outlet(TraceStore(Store.open(Path(sys.argv[1]))))])
with tracer.span("ask", "ask"):
    with span("retrieval", "retrieval"):
        pass
    tracer.flush()
    print("ready", flush=True)
    while True:
        with span("more"):
            pass
"""
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with Store.open(tmp_path) as store:
        assert store.check() == []
        (summary,) = TraceStore(store).last(Wanted())
        assert summary.root.duration_ns is None
        (trace,) = TraceStore(store).find(summary.root.trace_id)
        assert trace.parts[0].root.name == "retrieval"
        assert trace.parts[0].root.duration_ns is not None
