"""Sends spans to a collector, by OTLP over HTTP, where the user named one."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from ragent.errors import ConfigError, MissingExtraError
from ragent.trace.spans import SpanRecord

_SECONDS = 1.0
"""For one batch. With so little, the exporter doesn't try a second time."""


class OtlpSink:
    """A `Sink` that exports spans once they ended. Needs the extra `otel`."""

    def __init__(self, endpoint: str) -> None:
        """Prepare to export to `endpoint`, "http://127.0.0.1:4318" say. Nothing is connected yet.

        Headers and certificates are those of the standard variables `OTEL_EXPORTER_OTLP_HEADERS` and others.

        Raises:
            ConfigError: the endpoint is no URL.
            MissingExtraError: opentelemetry isn't installed.
        """
        if not endpoint.startswith(("http://", "https://")):
            raise ConfigError(
                f"[trace] otlp_endpoint is no URL: {endpoint}", hint='form: "http://127.0.0.1:4318"'
            )
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
        except ImportError as error:
            raise MissingExtraError(
                "[trace] otlp_endpoint needs opentelemetry, which is not installed",
                hint="pip install 'ragent[otel]'",
            ) from error
        # What it logs for each failed attempt is said once, by whoever counts the spans that were lost.
        logging.getLogger("opentelemetry").addHandler(logging.NullHandler())
        self._endpoint = endpoint
        self._resource = Resource({"service.name": "ragent"})
        self._exporter = OTLPSpanExporter(
            endpoint=endpoint.rstrip("/").removesuffix("/v1/traces") + "/v1/traces", timeout=_SECONDS
        )

    def write(self, spans: Sequence[SpanRecord]) -> None:
        """Export the spans that ended. Raises ConnectionError where the collector doesn't take them."""
        from opentelemetry.sdk.trace.export import SpanExportResult

        ended = [self._readable(span) for span in spans if span.duration_ns is not None]
        if ended and self._exporter.export(ended) is not SpanExportResult.SUCCESS:
            raise ConnectionError(f"the collector at {self._endpoint} doesn't take them")

    def _readable(self, span: SpanRecord) -> Any:
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope
        from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
        from opentelemetry.trace.status import Status, StatusCode

        def context(span_id: str) -> SpanContext:
            sampled = TraceFlags(TraceFlags.SAMPLED)
            return SpanContext(int(span.trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=sampled)

        return ReadableSpan(
            name=span.name,
            context=context(span.span_id),
            parent=context(span.parent_id) if span.parent_id else None,
            resource=self._resource,
            attributes={"ragent.kind": span.kind, **span.attributes, **span.content},
            kind=SpanKind.CLIENT if "server.address" in span.attributes else SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR, span.error) if span.error else Status(StatusCode.UNSET),
            start_time=span.started_ns,
            end_time=span.started_ns + (span.duration_ns or 0),
            instrumentation_scope=InstrumentationScope("ragent"),
        )
