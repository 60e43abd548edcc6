from __future__ import annotations

import gzip
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from ragent.errors import ConfigError, ToolError
from ragent.trace import Outlet, Tracer, chat, execute_tool
from ragent.trace.otlp import OtlpSink
from ragent.types import Delta, Message, Sampling, Usage


@dataclass
class Collector:
    """What a collector was sent."""

    url: str = ""
    paths: list[str] = field(default_factory=list)
    spans: list[OtlpSpan] = field(default_factory=list)
    service: str = ""

    def take(self, path: str, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        self.paths.append(path)
        for resource in request.resource_spans:
            self.service = next(a.value.string_value for a in resource.resource.attributes)
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]

    def named(self, name: str) -> OtlpSpan:
        return next(span for span in self.spans if span.name == name)


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            zipped = self.headers.get("Content-Encoding") == "gzip"
            made.take(self.path, gzip.decompress(body) if zipped else body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


def attributes(span: OtlpSpan) -> dict[str, Any]:
    return {a.key: getattr(a.value, str(a.value.WhichOneof("value"))) for a in span.attributes}


def test_a_collector_is_sent_the_tree(collector: Collector) -> None:
    def stream() -> Iterator[Delta]:
        yield Delta("Yes", "stop", Usage(7, 1))

    tracer = Tracer([Outlet(OtlpSink(collector.url))])
    about = {"gen_ai.request.model": "tiny", "server.address": "localhost"}
    with tracer.span("ask", "ask", {"ragent.k": 6}):
        list(chat(about, [Message("user", "the secret")], Sampling(), stream))
        with pytest.raises(ToolError), execute_tool("add", {"a": "secret"}):
            raise ToolError("secret")
    tracer.flush()
    assert tracer.dropped == 0
    assert set(collector.paths) == {"/v1/traces"}
    assert collector.service == "ragent"
    assert sorted(span.name for span in collector.spans) == ["ask", "chat tiny", "execute_tool add"]
    root, call, tool = (collector.named(name) for name in ("ask", "chat tiny", "execute_tool add"))
    assert call.parent_span_id == tool.parent_span_id == root.span_id
    assert root.parent_span_id == b""
    assert len({span.trace_id for span in collector.spans}) == 1
    assert root.start_time_unix_nano <= call.start_time_unix_nano <= call.end_time_unix_nano
    assert attributes(root)["ragent.k"] == 6
    assert attributes(call)["gen_ai.operation.name"] == "chat"
    assert attributes(call)["gen_ai.usage.input_tokens"] == 7
    assert call.kind == OtlpSpan.SPAN_KIND_CLIENT
    assert attributes(tool)["error.type"] == "ToolError"
    assert tool.status.code == 2
    assert not any(b"secret" in span.SerializeToString() for span in collector.spans)


def test_a_collector_that_is_not_there_is_counted() -> None:
    tracer = Tracer([Outlet(OtlpSink("http://127.0.0.1:9"))])
    with tracer.span("ask", "ask"):
        pass
    tracer.flush()
    assert tracer.dropped > 0


def test_an_endpoint_must_be_a_url() -> None:
    with pytest.raises(ConfigError, match="no URL"):
        OtlpSink("127.0.0.1:4318")


def test_without_opentelemetry_the_error_says_what_to_install() -> None:
    code = """
import sys
sys.modules["opentelemetry"] = None
from ragent.errors import MissingExtraError
from ragent.trace.otlp import OtlpSink
try:
    OtlpSink("http://127.0.0.1:4318")
except MissingExtraError as error:
    print(error.hint)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "pip install 'ragent[otel]'"


def test_tracing_loads_no_opentelemetry() -> None:
    code = "import ragent, ragent.trace, ragent.cli.app, sys; print('opentelemetry' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
