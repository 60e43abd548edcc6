"""`GET /metrics`: what the server does, counted, for Prometheus.

Source: Prometheus, "Exposition formats" and "Metric and label naming".
"""

from __future__ import annotations

import time

import psutil  # type: ignore[import-untyped]
from fastapi import APIRouter, Request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragent.server.asking import Asks
from ragent.server.openai.pieces import Finished
from ragent.service import Service
from ragent.service.conversations import Turn
from ragent.types import Answer, Usage

router = APIRouter(tags=["health"])
_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300)


class Metrics:
    """The counts of one server, in a registry of its own."""

    def __init__(self, service: Service) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "ragent_requests", "Requests.", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "ragent_request_seconds",
            "Seconds until the end of an answer.",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._answers = Counter("ragent_answers", "Answers.", ["by", "outcome"], registry=self.registry)
        self._tokens = Counter("ragent_tokens", "Tokens.", ["kind"], registry=self.registry)
        for name, help_, value in (
            ("ragent_waiting_answers", "Answers that wait for their turn.", service.turnstile.waiting),
            ("ragent_open_jobs", "Jobs that wait or run.", service.jobs.open_count),
            ("ragent_memory_bytes", "Resident memory.", lambda: psutil.Process().memory_info().rss),
        ):
            Gauge(name, help_, registry=self.registry).set_function(value)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def saw(self, piece: object) -> None:
        """Count an answer, if this piece is the end of one."""
        if isinstance(piece, Answer):
            self._answered("documents", piece.usage, abstained=piece.abstained)
        elif isinstance(piece, Finished):
            by = "model" if piece.ragent is None else "documents"
            self._answered(by, piece.usage, abstained=bool(piece.ragent and piece.ragent["abstained"]))
        elif isinstance(piece, Turn) and piece.state == "done" and "usage" in piece.details:
            usage = Usage(**piece.details["usage"])
            self._answered("documents", usage, abstained=bool(piece.details["abstained"]))

    def _answered(self, by: str, usage: Usage, *, abstained: bool) -> None:
        self._answers.labels(by, "abstained" if abstained else "answered").inc()
        self._tokens.labels("prompt").inc(usage.prompt_tokens)
        self._tokens.labels("reused").inc(usage.reused_tokens)
        self._tokens.labels("completion").inc(usage.completion_tokens)


class Measured:
    """ASGI middleware that counts requests, by the routes that they took."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            # 0: the client hung up first. Paths that nothing serves are one: anybody can think of more.
            route = getattr(scope.get("route"), "path", "none")
            method = scope["method"] if route != "none" else "any"
            self._metrics.request(method, route, status, time.perf_counter() - began)


@router.get("/metrics", response_class=Response)
def metrics(request: Request, _session: Asks) -> Response:
    """Requests, answers, tokens, what waits, and memory, in Prometheus' text format."""
    counted: Metrics = request.app.state.metrics
    return Response(generate_latest(counted.registry), media_type=CONTENT_TYPE_LATEST)
