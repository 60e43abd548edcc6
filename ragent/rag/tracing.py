"""What is noted of an answer, a search and an ingestion; and where it goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ragent.config import TraceSettings
from ragent.store import Store, TraceStore
from ragent.trace import Attributes, Outlet, Tracer, within
from ragent.types import Answer, IngestReport


def open_tracer(open_store: Callable[[], Store], settings: TraceSettings) -> Tracer:
    """What records traces as the settings say: in the home's database, and at a collector if one is named.

    Raises:
        MissingExtraError: a collector is named, and opentelemetry isn't installed.
        ConfigError: its URL is none.
        StoreError: the home can't be used.
    """
    if not settings.enabled:
        return Tracer()
    outlets = []
    if settings.otlp_endpoint:
        from ragent.trace.otlp import OtlpSink

        outlets.append(Outlet(OtlpSink(settings.otlp_endpoint), patience=0))
    outlets.append(Outlet(TraceStore(open_store(), keep_days=settings.keep_days)))
    return Tracer(outlets, content=settings.content)


def traced_answer(
    tracer: Tracer, question: str, attributes: Attributes, pieces: Iterator[str | Answer]
) -> Iterator[str | Answer]:
    """The same pieces, noted as one trace."""
    return within(_answering(tracer, question, attributes, pieces))


def _answering(
    tracer: Tracer, question: str, attributes: Attributes, pieces: Iterator[str | Answer]
) -> Iterator[str | Answer]:
    about = {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": "ask", **attributes}
    with tracer.span("ask", "ask", about) as told:
        told.text("query", question)
        for piece in pieces:
            if isinstance(piece, str):
                yield piece
                continue
            answer = piece
            told.usage(answer.usage)
            told.set(_about_answer(answer))
            told.text("answer", answer.text)
    # After its trace: many ask for nothing more once they have it.
    yield answer


def _about_answer(answer: Answer) -> Attributes:
    first = answer.timings.first_token_s
    return {
        "ragent.abstained": answer.abstained,
        "ragent.support": answer.support,
        "ragent.hits": len(answer.hits),
        "ragent.citations": len(answer.citations),
        "ragent.dropped": len(answer.dropped),
        **({} if first is None else {"gen_ai.response.time_to_first_chunk": first}),
    }


def traced_ingestion(
    tracer: Tracer, name: str, collection: str, run: Callable[[], IngestReport]
) -> IngestReport:
    """Run an ingestion, noted as one span with its counts."""
    with tracer.span(name, "ingest", {"ragent.collection": collection}) as told:
        report = run()
        counts = ("added", "updated", "unchanged", "moved", "deleted", "duplicates", "chunks", "embedded")
        told.set({f"ragent.{count}": getattr(report, count) for count in counts})
        told.set({"ragent.failed": len(report.failed), "ragent.interrupted": report.interrupted})
    return report
