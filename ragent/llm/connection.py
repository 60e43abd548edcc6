"""One model server: requests that are tried again where that may help, and streams of events.

Nothing is connected before it is needed, to no host but the one that was named: redirects aren't followed,
and proxies and netrc of the environment aren't used.
"""

from __future__ import annotations

import json
import math
import os
import random
import re
import socket
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from threading import Timer
from typing import Any

import httpx

from ragent.config import secret_variables
from ragent.errors import ConfigError, ContextOverflow, LLMError, ServerError

_CONNECT_SECONDS = 10.0
_LONGEST_WAIT = 8.0
_LONGEST_LINE = 1 << 20
_LONGEST_BODY = 32 << 20
_RETRYABLE = {408, 429, 500, 502, 503, 504}
_OVERFLOW = re.compile(r"context.?(length|size|window)|exceeds? .{0,40}context", re.IGNORECASE)
_LOST = (httpx.NetworkError, httpx.RemoteProtocolError)


@dataclass(frozen=True, slots=True)
class Retries:
    """How often to try, and the seconds to wait after the first failure; each wait is twice as long."""

    attempts: int = 4
    first_seconds: float = 0.5


class Connection:
    """A server at a URL. Connections are not kept, so there is nothing to close."""

    def __init__(self, url: str, *, seconds: float = 120.0, retries: Retries | None = None) -> None:
        """Check the URL, and take the server's key, if there is one, from the environment.

        Args:
            url: where the API begins, `/v1` included.
            seconds: how long the server may be silent.
            retries: for failures before the first event.

        Raises:
            ConfigError: it is no http(s) URL, or holds a password.
        """
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise ConfigError(f"[llm] url is not a URL: {error}") from None
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ConfigError(
                f"[llm] url is no http or https URL: {url}", hint="http://127.0.0.1:8080/v1, say"
            )
        variables = secret_variables(parsed.host, "api_key")
        self._variable = variables[0]
        key = next((value for name in variables if (value := os.environ.get(name))), "")
        if parsed.userinfo or parsed.query:
            raise ConfigError(
                "[llm] url holds more than the address",
                hint=f"set a key in the environment: {self._variable}",
            )
        self.url = url.rstrip("/")
        self.root = self.url.removesuffix("/v1")
        self._seconds = seconds
        self._retries = retries or Retries()
        self._client = httpx.Client(
            headers={"authorization": f"Bearer {key}"} if key else {},
            limits=httpx.Limits(max_keepalive_connections=0),
            trust_env=False,
        )

    def ask(self, url: str, body: Mapping[str, Any] | None = None, *, attempts: int = 0) -> Any:
        """The JSON that a URL answers: GET, or POST if there is a body.

        Raises:
            LLMError: as `events`.
        """
        with closing(self._send(url, body, attempts or self._retries.attempts)) as response:
            data = b"".join(_limited(self._pieces(response)))
        try:
            return json.loads(data)
        except ValueError:
            raise self.not_understood(data) from None

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
                else, or the deadline is over. What may help is tried again, but not after the first event.
        """
        with (
            closing(self._send(url, body, self._retries.attempts, deadline)) as response,
            _hung_up_at(deadline, response),
        ):
            try:
                is_whole = yield from self._read(response)
            except ServerError as error:
                if time.monotonic() < deadline:
                    raise
                raise self._late() from error
            if not is_whole and time.monotonic() >= deadline:
                raise self._late()

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
                raise self._silent()
        return False

    def _send(
        self, url: str, body: Mapping[str, Any] | None, attempts: int, deadline: float = math.inf
    ) -> httpx.Response:
        last_try = min(deadline, time.monotonic() + self._seconds)
        request = self._client.build_request("GET" if body is None else "POST", url, json=body)
        for attempt in range(attempts):
            request.extensions["timeout"] = self._timeout(deadline)
            wait = random.uniform(0.5, 1) * min(_LONGEST_WAIT, self._retries.first_seconds * 2**attempt)  # noqa: S311
            try:
                response = self._client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout, *_LOST) as error:
                is_late = time.monotonic() >= deadline
                failure: LLMError = self._late() if is_late else self._unreachable(error)
            except httpx.TimeoutException as error:
                raise (self._silent() if time.monotonic() < deadline else self._late()) from error
            else:
                if response.is_success:
                    return response
                with closing(response):
                    failure = self._refusal(response)
                wait = max(wait, _wished(response)) if "retry-after" in response.headers else wait
            if attempt + 1 == attempts or not failure.retryable or time.monotonic() + wait > last_try:
                raise failure
            time.sleep(wait)
        raise ValueError("attempts must be positive")

    def _timeout(self, deadline: float) -> dict[str, float | None]:
        seconds = max(0.001, min(self._seconds, deadline - time.monotonic()))
        return httpx.Timeout(seconds, connect=min(_CONNECT_SECONDS, seconds)).as_dict()

    def _lines(self, response: httpx.Response) -> Generator[bytes]:
        # httpx's own lines end at U+2028 too, which may stand inside a JSON string.
        rest = b""
        for piece in self._pieces(response):
            *lines, rest = (rest + piece).split(b"\n")
            yield from (line.rstrip(b"\r") for line in lines)
            if len(rest) > _LONGEST_LINE:
                raise self.not_understood(rest)
        if rest:
            yield rest

    def _pieces(self, response: httpx.Response) -> Generator[bytes]:
        with self._told():
            yield from response.iter_bytes()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except httpx.TimeoutException as error:
            raise self._silent() from error
        except (*_LOST, httpx.DecodingError) as error:
            raise ServerError(
                f"the server at {self.url} hung up in the middle: {error}", hint="ask again", retryable=True
            ) from error

    def _event(self, value: bytes) -> dict[str, Any]:
        try:
            event = json.loads(value)
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict):
            raise self.not_understood(value)
        if event.get("error"):
            raise self._explained(500, event)
        return event

    def not_understood(self, data: bytes) -> ServerError:
        """The error for something else than what the protocol promises."""
        start = data[:100].decode("utf-8", "replace").strip()
        return ServerError(
            f"the server at {self.url} doesn't speak the OpenAI protocol: {start!r}", hint="check [llm] url"
        )

    def _refusal(self, response: httpx.Response) -> LLMError:
        try:
            data = b"".join(_limited(self._pieces(response)))
        except ServerError:
            data = b""
        try:
            body = json.loads(data)
        except ValueError:
            body = data.decode("utf-8", "replace")
        return self._explained(response.status_code, body)

    def _explained(self, status: int, body: Any) -> LLMError:
        said = _message(body)
        if status in (400, 413, 422, 500) and _OVERFLOW.search(f"{said} {body}"):
            return ContextOverflow(
                f"the prompt is too long for the server: {said}", hint="ask with fewer passages (-k)"
            )
        hint = "try again later" if status in _RETRYABLE else ""
        if status in (401, 403):
            hint = f"set its key in the environment: {self._variable}"
        elif status == 404:
            hint = "check [llm] url, which mostly ends in /v1, and [llm] model"
        elif 300 <= status < 400:
            hint = "it redirects, which is not followed: give the URL it ends at"
        message = f"the server at {self.url} answers {status}: {said}"
        return ServerError(message, hint=hint, retryable=status in _RETRYABLE, status=status)

    def _unreachable(self, error: Exception) -> ServerError:
        return ServerError(
            f"can't reach the server at {self.url}: {error or type(error).__name__}",
            hint="start it, or check [llm] url",
            retryable=True,
        )

    def _silent(self) -> ServerError:
        return ServerError(
            f"the server at {self.url} said nothing for {self._seconds:g} seconds",
            hint="raise [llm] seconds, or ask with fewer passages (-k)",
            retryable=True,
        )

    def _late(self) -> ServerError:
        return ServerError(
            f"the answer of the server at {self.url} wasn't complete in time",
            hint="allow more time, or ask for a shorter answer",
            retryable=True,
        )


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


def _wished(response: httpx.Response) -> float:
    """Seconds until the server wants to be asked again (RFC 9110, 10.2.3)."""
    wished = response.headers["retry-after"]
    try:
        return max(0.0, float(wished))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(wished).timestamp() - time.time())
    except ValueError:
        return 0.0


def _limited(pieces: Iterator[bytes]) -> Generator[bytes]:
    left = _LONGEST_BODY
    for piece in pieces:
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return


def _message(body: Any) -> str:
    """What an error says, in the shapes that servers give it."""
    for key in ("error", "message", "detail"):
        if isinstance(body, dict) and body.get(key):
            return _message(body[key])
    return str(body).strip()[:500] or "nothing more"
