from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ragent import Rag, RagentError
from ragent.store import Trace, TraceStore, Wanted

TEXT = "The heron stands on one leg at dusk, because that keeps the other one warm.\n"
QUESTION = "Why does the heron stand on one leg?"

Open = Callable[..., Rag]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Opens a home with one document, with any settings; no language model takes part."""
    (tmp_path / "heron.txt").write_text(TEXT)
    kept: list[Rag] = []

    def open_rag(**settings: Any) -> Rag:
        rag = Rag.open(tmp_path / "home", ask={"style": "extract", "abstain_below": 0.0}, **settings)
        kept.append(rag)
        rag.ingest(tmp_path / "heron.txt")
        return rag

    yield open_rag
    for rag in kept:
        rag.close()


def last_trace(rag: Rag) -> Trace:
    rag.tracer.flush()
    traces = TraceStore(rag.store)
    (trace,) = traces.find(traces.last(Wanted(count=1))[0].root.trace_id)
    return trace


def shape(trace: Trace) -> Any:
    return {trace.root.kind: [shape(part) for part in trace.parts]}


def test_a_question_is_traced_from_end_to_end(opened: Open) -> None:
    rag = opened()
    answer = rag.ask(QUESTION)
    trace = last_trace(rag)
    assert shape(trace) == {
        "ask": [{"retrieval": [{"embeddings": []}]}, {"generate": []}, {"check": []}],
    }
    about = trace.root.attributes
    assert about["ragent.citations"] == len(answer.citations) == 1
    assert about["ragent.answer.chars"] == len(answer.text)
    assert "ragent.cancelled" not in about
    retrieval = trace.parts[0].root.attributes
    assert retrieval["gen_ai.operation.name"] == "retrieval"
    assert retrieval["ragent.hits"] == 1
    assert retrieval["ragent.plan.mode"] == "hybrid"


def test_whoever_asks_for_no_more_than_the_answer_leaves_a_whole_trace(opened: Open) -> None:
    rag = opened()
    next(iter(rag.stream(QUESTION)))
    assert "ragent.cancelled" not in last_trace(rag).root.attributes


def test_a_search_is_traced(opened: Open) -> None:
    rag = opened()
    rag.search("heron")
    assert shape(last_trace(rag)) == {"search": [{"retrieval": [{"embeddings": []}]}]}


def test_an_ingestion_is_one_span_with_its_counts(opened: Open) -> None:
    trace = last_trace(opened())
    assert shape(trace) == {"ingest": []}
    assert trace.root.attributes["ragent.added"] == 1
    assert trace.root.attributes["ragent.failed"] == 0


def test_an_error_is_traced_and_raised(opened: Open) -> None:
    rag = opened()
    with pytest.raises(RagentError):
        rag.search("")
    trace = last_trace(rag)
    assert (trace.root.kind, trace.root.error) == ("search", "QueryError")


def test_texts_are_not_kept_unless_asked_for(opened: Open) -> None:
    rag = opened()
    rag.ask(QUESTION)
    trace = last_trace(rag)
    assert "heron" not in repr(trace).lower()
    rag.close()
    rag = opened(trace={"content": True})
    rag.ask(QUESTION)
    content = last_trace(rag).root.content
    assert content["gen_ai.retrieval.query.text"] == QUESTION
    assert "keeps the other one warm" in content["ragent.answer"]


def test_a_forgotten_document_is_in_no_trace(opened: Open, tmp_path: Path) -> None:
    rag = opened(trace={"content": True})
    rag.ask(QUESTION)
    report = rag.forget(str(tmp_path / "heron.txt"))
    assert report.proof.stretches
    assert report.proof.found == ()


def test_nothing_is_traced_when_that_is_turned_off(opened: Open) -> None:
    rag = opened(trace={"enabled": False})
    rag.search("heron")
    rag.tracer.flush()
    assert TraceStore(rag.store).last(Wanted()) == []


def test_a_collector_that_is_not_there_costs_no_answer(
    opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    rag = opened(trace={"otlp_endpoint": "http://127.0.0.1:9"})
    with caplog.at_level(logging.CRITICAL, "opentelemetry"):
        assert rag.search("heron").hits
    assert shape(last_trace(rag)) == {"search": [{"retrieval": [{"embeddings": []}]}]}
