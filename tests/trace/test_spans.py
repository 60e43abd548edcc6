from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field

import pytest

from ragent.errors import ToolError
from ragent.trace import (
    Outlet,
    SpanRecord,
    Tracer,
    agent_step,
    carried,
    chat,
    execute_tool,
    invoke_agent,
    span,
    within,
)
from ragent.types import Delta, Message, Sampling, Usage


@dataclass
class Kept:
    """Keeps the last that it is told of each span."""

    spans: dict[str, SpanRecord] = field(default_factory=dict)
    batches: int = 0

    def write(self, spans: Sequence[SpanRecord]) -> None:
        self.batches += 1
        self.spans |= {record.span_id: record for record in spans}

    def named(self, name: str) -> SpanRecord:
        return next(record for record in self.spans.values() if record.name == name)

    def parents(self) -> dict[str, str | None]:
        names = {record.span_id: record.name for record in self.spans.values()}
        return {record.name: names.get(record.parent_id or "") for record in self.spans.values()}


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def tracer(kept: Kept) -> Tracer:
    return Tracer([Outlet(kept)])


def test_spans_form_a_tree(tracer: Tracer, kept: Kept) -> None:
    with tracer.span("ask", "ask") as root:
        with span("outer"), span("inner") as inner:
            inner.set({"ragent.k": 3})
        root.usage(Usage(10, 4, 6))
    tracer.flush()
    assert kept.parents() == {"ask": None, "outer": "ask", "inner": "outer"}
    assert len({record.trace_id for record in kept.spans.values()}) == 1
    assert kept.named("inner").attributes == {"ragent.k": 3}
    assert kept.named("ask").attributes == {
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 4,
        "gen_ai.usage.cache_read.input_tokens": 6,
    }
    assert all(record.duration_ns is not None for record in kept.spans.values())


def test_where_nobody_records_nothing_is() -> None:
    with span("lonely") as lonely, Tracer().span("root", "ask") as root, span("child") as child:
        assert [lonely.recorded, root.recorded, child.recorded] == [False] * 3
        child.set({"ragent.k": 1})
        child.text("query", "said")
        child.usage(Usage(1, 1))


def test_a_second_trace_begins_where_the_first_ended(tracer: Tracer, kept: Kept) -> None:
    for _ in range(2):
        with tracer.span("search", "search"):
            pass
    tracer.flush()
    assert len({record.trace_id for record in kept.spans.values()}) == 2


def test_a_search_inside_another_trace_belongs_to_it(tracer: Tracer, kept: Kept) -> None:
    other = Kept()
    with tracer.span("ask", "ask"), Tracer([Outlet(other)]).span("search", "search"):
        pass
    tracer.flush()
    assert kept.parents() == {"ask": None, "search": "ask"}
    assert other.spans == {}


def test_an_error_is_noted_by_its_class_alone(tracer: Tracer, kept: Kept) -> None:
    with pytest.raises(ToolError), tracer.span("ask", "ask"), span("tool"):
        raise ToolError("the text of a document")
    tracer.flush()
    assert [record.error for record in kept.spans.values()] == ["ToolError", "ToolError"]
    assert "document" not in repr(kept.spans)


def test_texts_are_kept_only_where_that_is_wanted(kept: Kept) -> None:
    for content in (False, True):
        tracer = Tracer([Outlet(kept)], content=content)
        with tracer.span(f"content {content}", "search") as made:
            made.text("query", "a secret")
        tracer.flush()
    without, with_ = kept.named("content False"), kept.named("content True")
    assert without.content == {}
    assert with_.content == {"gen_ai.retrieval.query.text": "a secret"}
    assert without.attributes == with_.attributes
    assert without.attributes["ragent.query.chars"] == 8
    assert "secret" not in repr(without)


def test_threads_are_given_the_open_span(tracer: Tracer, kept: Kept) -> None:
    together = threading.Barrier(3)

    def work(number: int) -> None:
        with span(f"thread {number}"):
            together.wait(timeout=10)
            with span(f"part {number}"):
                pass

    with tracer.span("run", "agent"), ThreadPoolExecutor(3) as pool:
        list(pool.map(carried(work), range(3)))
    tracer.flush()
    expected: dict[str, str | None] = {"run": None}
    for number in range(3):
        expected |= {f"thread {number}": "run", f"part {number}": f"thread {number}"}
    assert kept.parents() == expected


def test_a_generators_spans_stay_its_own(tracer: Tracer, kept: Kept) -> None:
    def steps() -> Iterator[int]:
        with tracer.span("stream", "ask"):
            yield 1
            with span("second"):
                yield 2

    for _ in within(steps()):
        with tracer.span("between", "search"):
            pass
    tracer.flush()
    parents = {record.name: record.parent_id for record in kept.spans.values()}
    assert parents["between"] is None
    assert kept.parents()["second"] == "stream"


def test_a_generator_that_is_closed_early_was_cancelled(tracer: Tracer, kept: Kept) -> None:
    def steps() -> Iterator[int]:
        with tracer.span("stream", "ask"):
            yield 1
            yield 2

    with closing(within(steps())) as stream:  # type: ignore[type-var]
        next(stream)
    tracer.flush()
    record = kept.named("stream")
    assert record.attributes["ragent.cancelled"] is True
    assert record.error == ""
    assert record.duration_ns is not None


def test_a_models_call_has_its_tokens(tracer: Tracer, kept: Kept) -> None:
    def stream() -> Iterator[Delta]:
        with span("inside"):
            yield Delta("Hel")
        yield Delta("lo", "stop", Usage(7, 2))

    messages = [Message("user", "Say hello.")]
    about = {"gen_ai.provider.name": "llama.cpp", "gen_ai.request.model": "tiny"}
    with tracer.span("ask", "ask"):
        said = "".join(delta.text for delta in chat(about, messages, Sampling(max_tokens=9), stream))
    tracer.flush()
    assert said == "Hello"
    record = kept.named("chat tiny")
    assert kept.parents() == {"ask": None, "chat tiny": "ask", "inside": "chat tiny"}
    assert record.attributes["gen_ai.operation.name"] == "chat"
    assert record.attributes["gen_ai.usage.input_tokens"] == 7
    assert record.attributes["gen_ai.usage.output_tokens"] == 2
    assert record.attributes["gen_ai.request.max_tokens"] == 9
    assert record.attributes["gen_ai.response.finish_reasons"] == ("stop",)


def test_a_models_call_that_fails_at_once_fails_at_once(tracer: Tracer, kept: Kept) -> None:
    def stream() -> Iterator[Delta]:
        raise ToolError("no room")

    with tracer.span("ask", "ask"), pytest.raises(ToolError):
        chat({"gen_ai.request.model": "tiny"}, [], Sampling(), stream)
    tracer.flush()
    assert kept.named("chat tiny").error == "ToolError"
    assert kept.named("ask").error == ""


def test_an_agents_run_is_a_tree_of_steps_and_tools(tracer: Tracer, kept: Kept) -> None:
    with invoke_agent("agent", tracer=tracer, run="r1", model="tiny"):
        with agent_step(1), execute_tool("add", {"a": 1}, call_id="c1") as call:
            call.text("result", "2")
        with agent_step(2):
            pass
    tracer.flush()
    assert kept.parents() == {
        "invoke_agent agent": None,
        "step 1": "invoke_agent agent",
        "execute_tool add": "step 1",
        "step 2": "invoke_agent agent",
    }
    assert kept.named("invoke_agent agent").run == "r1"
    tool = kept.named("execute_tool add").attributes
    assert tool["gen_ai.tool.name"] == "add"
    assert tool["gen_ai.tool.call.id"] == "c1"
    assert tool["ragent.result.chars"] == 1


def test_an_agent_without_a_tracer_is_not_recorded() -> None:
    with invoke_agent("agent") as run, agent_step(1) as step, execute_tool("add", {}) as tool:
        assert [run.recorded, step.recorded, tool.recorded] == [False] * 3
