from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from ragent.trace import Outlet, SpanRecord, Tracer


@dataclass
class Slow:
    """Waits before it keeps anything."""

    go: threading.Event = field(default_factory=threading.Event)
    spans: list[SpanRecord] = field(default_factory=list)

    def write(self, spans: Sequence[SpanRecord]) -> None:
        self.go.wait(timeout=30)
        self.spans += spans


class Broken:
    """Keeps nothing."""

    def write(self, spans: Sequence[SpanRecord]) -> None:
        raise OSError("the disk is full")


def test_a_full_queue_drops_and_counts_and_blocks_nobody() -> None:
    slow = Slow()
    tracer = Tracer([Outlet(slow, capacity=10)])
    for _ in range(100):
        with tracer.span("search", "search"):
            pass
    lost = tracer.dropped
    slow.go.set()
    tracer.flush()
    assert lost > 0
    assert len(slow.spans) + tracer.dropped == 200
    with tracer.span("after", "search"):
        pass
    tracer.flush()
    assert slow.spans[-1].attributes["ragent.trace.dropped"] == lost


def test_a_sink_that_fails_fails_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    tracer = Tracer([Outlet(Broken())])
    for _ in range(2):
        with tracer.span("search", "search"):
            pass
        tracer.flush()
    assert tracer.dropped == 4
    assert [record.message for record in caplog.records] == ["traces are being lost: the disk is full"]


def test_one_sink_does_not_wait_for_another() -> None:
    slow, quick = Slow(), Slow()
    quick.go.set()
    tracer = Tracer([Outlet(slow, patience=0), Outlet(quick)])
    with tracer.span("search", "search"):
        pass
    tracer.flush()
    assert [record.name for record in quick.spans] == ["search", "search"]
    assert slow.spans == []
    slow.go.set()


def test_a_process_that_ends_writes_what_is_left() -> None:
    code = """
from ragent.trace import Outlet, Tracer

class Printing:
    def write(self, spans):
        for span in spans:
            print(span.name, span.duration_ns is not None)

with Tracer([Outlet(Printing())]).span("search", "search"):
    pass
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["search False", "search True"]
    assert ran.stderr == ""
