"""One server: single requests over kept connections, and streams of events.

Nothing is connected before it is needed, to no host but the one that was named: redirects aren't followed,
and proxies and netrc of the environment aren't used.
"""

from __future__ import annotations

import json
import math
import socket
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from threading import Timer
from typing import Any

import httpx

from ragent.errors import ServerError
from ragent.served.address import Address
from ragent.served.telling import Telling

_CONNECT_SECONDS = 10.0
_LONGEST_LINE = 1 << 20
_LONGEST_BODY = 256 << 20
_CONNECTIONS = 100
# For less than the 5 seconds after which uvicorn, and with it vLLM, hangs up: a request could meet that.
_KEPT = httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=20, keepalive_expiry=4)
_LOST = (httpx.NetworkError, httpx.RemoteProtocolError)
_NO_CONNECTION = (httpx.ConnectError, httpx.ConnectTimeout, *_LOST)


class Endpoint:
    """A server at an address. Threads may share it; nothing is tried twice here."""

    def __init__(self, address: Address, seconds: float) -> None:
        """Prepare to ask.

        Args:
            address: where.
            seconds: how long the server may be silent.
        """
        self.address = address
        self.telling = Telling(address, seconds)
        self._seconds = seconds
        key = address.key
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(headers=headers, limits=_KEPT, trust_env=False)

    @property
    def url(self) -> str:
        """Where the API begins, `/v1` included."""
        return self.address.url

    @property
    def root(self) -> str:
        """Where the server's own paths begin."""
        return self.address.root

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    def ask(self, url: str, body: Mapping[str, Any] | None = None, deadline: float = math.inf) -> Any:
        """The JSON that a URL answers: GET, or POST if there is a body.

        Raises:
            LLMError: as `events`.
        """
        with closing(self._send(url, body, deadline)) as response, self._in_time(deadline, response):
            data = b"".join(_limited(self._pieces(response)))
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise self.telling.not_understood(data) from None

    def events(
        self, url: str, body: Mapping[str, Any], deadline: float = math.inf
    ) -> Generator[dict[str, Any]]:
        """The server-sent events that a POST is answered with. Closing the iterator hangs up.

        Args:
            url: where to.
            body: JSON.
            deadline: when the last event must have come, by `time.monotonic`.

        Raises:
            ContextOverflow: the server says that the prompt is too long.
            ServerError: it can't be reached, refuses, is silent for too long, hangs up, or sends something
                else, or the deadline is over.
        """
        with closing(self._send(url, body, deadline)) as response, self._in_time(deadline, response):
            is_whole = yield from self._read(response)
            if not is_whole and time.monotonic() >= deadline:
                raise self.telling.late()

    @contextmanager
    def _in_time(self, deadline: float, response: httpx.Response) -> Iterator[None]:
        with _hung_up_at(deadline, response):
            try:
                yield
            except ServerError as error:
                if time.monotonic() < deadline:
                    raise
                raise self.telling.late() from error

    def _read(self, response: httpx.Response) -> Generator[dict[str, Any], None, bool]:
        """Events, and whether they came to their proper end."""
        heard = time.monotonic()
        for line in self._lines(response):
            field, _, value = line.partition(b":")
            if field in (b"data", b"error") and value.strip() == b"[DONE]":
                return True
            if field in (b"data", b"error"):
                yield self._event(value)
                heard = time.monotonic()
            elif time.monotonic() - heard > self._seconds:
                raise self.telling.silent()
        return False

    def _send(self, url: str, body: Mapping[str, Any] | None, deadline: float) -> httpx.Response:
        request = self._client.build_request("GET" if body is None else "POST", url, json=body)
        seconds = max(0.001, min(self._seconds, deadline - time.monotonic()))
        timeout = httpx.Timeout(seconds, connect=min(_CONNECT_SECONDS, seconds))
        request.extensions["timeout"] = timeout.as_dict()
        telling = self.telling
        try:
            response = self._client.send(request, stream=True)
        except _NO_CONNECTION as error:
            is_late = time.monotonic() >= deadline
            raise (telling.late() if is_late else telling.unreachable(error)) from error
        except httpx.PoolTimeout as error:
            raise telling.crowded(_CONNECTIONS) from error
        except httpx.TimeoutException as error:
            raise (telling.silent() if time.monotonic() < deadline else telling.late()) from error
        if response.is_success:
            return response
        with closing(response):
            try:
                data = b"".join(_limited(self._pieces(response)))
            except ServerError:
                data = b""
        raise telling.refusal(response.status_code, data, response.headers)

    def _lines(self, response: httpx.Response) -> Generator[bytes]:
        # httpx's own lines end at U+2028 too, which may stand inside a JSON string.
        rest = b""
        for piece in self._pieces(response):
            *lines, rest = (rest + piece).split(b"\n")
            yield from (line.rstrip(b"\r") for line in lines)
            if len(rest) > _LONGEST_LINE:
                raise self.telling.not_understood(rest)
        if rest:
            yield rest

    def _pieces(self, response: httpx.Response) -> Generator[bytes]:
        try:
            yield from response.iter_bytes()
        except httpx.TimeoutException as error:
            raise self.telling.silent() from error
        except (*_LOST, httpx.DecodingError) as error:
            raise self.telling.hung_up(error) from error

    def _event(self, value: bytes) -> dict[str, Any]:
        try:
            event = json.loads(value)
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict):
            raise self.telling.not_understood(value)
        if event.get("error"):
            raise self.telling.explained(500, event, begun=True)
        return event


@contextmanager
def _hung_up_at(deadline: float, response: httpx.Response) -> Iterator[None]:
    """End the connection then, whatever may come over it: time limits of httpx are for single reads."""
    if deadline == math.inf:
        yield
        return
    connection: socket.socket = response.extensions["network_stream"].get_extra_info("socket")
    timer = Timer(deadline - time.monotonic(), _hang_up, (connection,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        # An encrypted one must not be closed in its own way while another thread reads from it.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _limited(pieces: Iterator[bytes]) -> Generator[bytes]:
    left = _LONGEST_BODY
    for piece in pieces:
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return
