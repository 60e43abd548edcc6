"""A connection to one MCP server, used from any thread, whatever the server does.

The sessions live in the event loop of one background thread (anyio's blocking portal). A call waits for its
result outside of that loop, and no longer than the settings say; after a call that failed, the server is
ended, with all that it started, and the next call starts it anew.
"""

from __future__ import annotations

import math
import os
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TextIO, TypeVar, cast

import anyio
from anyio.from_thread import BlockingPortal

from ragent import __version__
from ragent.config import secret_variables
from ragent.errors import ConfigError, MissingExtraError, RagentError, ToolError
from ragent.mcp_settings import MCPServerSettings

try:
    import httpx2
    from mcp import Client as Client
    from mcp import MCPError as MCPError
    from mcp import StdioServerParameters, stdio_client
    from mcp.client.streamable_http import streamable_http_client
    from mcp_types import CONNECTION_CLOSED, REQUEST_TIMEOUT, Implementation
except ModuleNotFoundError as error:
    raise MissingExtraError(
        f"tools of MCP servers need a package that is not installed: {error.name}",
        hint='pip install "ragent[mcp]"',
    ) from error

Given = TypeVar("Given")
_ENDING_SECONDS = 10.0
_LAST_WORDS = 400
_LONGEST_ANSWER = 20_000_000
_UNSET = "***"


@dataclass(frozen=True, slots=True)
class _Session:
    """An open session: who speaks, what ends it, and what tells when it has ended."""

    client: Client
    end: anyio.Event
    over: Future[None]


class Connection:
    """One server. It is started at the first call."""

    def __init__(self, name: str, settings: MCPServerSettings, portal: Callable[[], BlockingPortal]) -> None:
        self._name = name
        self._settings = settings
        self._portal = portal
        self._lock = threading.Lock()
        self._session: _Session | None = None

    def run(self, work: Callable[[Client], Awaitable[Given]]) -> Given:
        """Have the server do something; `work` runs in the event loop.

        Raises:
            ToolError: the server can't be started or reached, died, or didn't answer in time or in form.
            ConfigError: a secret that its settings name isn't there.
            MCPError: the server answered with an error; its text is the server's.
        """
        session = self._opened()
        running = self._portal().start_task_soon(work, session.client)
        try:
            return running.result(self._settings.call_seconds)
        except RagentError:
            raise
        except TimeoutError:
            running.cancel()
            problem = f"didn't answer within {self._settings.call_seconds:g} seconds"
        except MCPError as error:
            if error.code not in (CONNECTION_CLOSED, REQUEST_TIMEOUT):
                raise
            problem = "broke the connection off"
        except Exception as error:  # the package's errors have no common base, and their texts are foreign
            problem = f"gave no answer of the right form ({type(error).__name__})"
        self._drop(session)
        raise ToolError(f"the MCP server {self._name} {problem}", hint="it is started again by the next call")

    def close(self) -> None:
        """End the session and the server's process. Returns once it is gone."""
        with self._lock:
            session, self._session = self._session, None
        if session:
            with suppress(RuntimeError):  # the event loop is gone
                self._portal().call(session.end.set)
            with suppress(Exception):  # it is over, however it ended
                session.over.result(_ENDING_SECONDS)

    def _opened(self) -> _Session:
        with self._lock:
            if self._session is None:
                self._session = self._open()
            return self._session

    def _open(self) -> _Session:
        ready: Future[tuple[Client, anyio.Event]] = Future()
        with tempfile.TemporaryFile("w+", errors="replace") as file:
            log = cast(TextIO, file)
            over = self._portal().start_task_soon(self._hold, log, ready)
            try:
                client, end = ready.result(self._settings.start_seconds + _ENDING_SECONDS)
            except RagentError:
                raise
            except Exception as error:
                over.cancel()
                raise ToolError(
                    f"the MCP server {self._name} can't be used: {_reason(error, self._settings)}",
                    hint=_last_words(log) or f"check [mcp.servers.{self._name}]",
                ) from error
        return _Session(client, end, over)

    async def _hold(self, log: TextIO, ready: Future[tuple[Client, anyio.Event]]) -> None:
        """Keep a session open until its event is set."""
        end = anyio.Event()
        try:
            with anyio.fail_after(self._settings.start_seconds) as limit:
                async with _client(self._name, self._settings, log) as client:
                    limit.deadline = math.inf
                    ready.set_result((client, end))
                    await end.wait()
                    limit.deadline = anyio.current_time() + _ENDING_SECONDS
        except Exception as error:
            if not ready.done():
                ready.set_exception(error)

    def _drop(self, session: _Session) -> None:
        with self._lock:
            if self._session is session:
                self._session = None
        with suppress(RuntimeError):
            self._portal().start_task_soon(_set, session.end)


async def _set(event: anyio.Event) -> None:
    event.set()


@asynccontextmanager
async def _client(name: str, settings: MCPServerSettings, log: TextIO) -> AsyncIterator[Client]:
    info = Implementation(name="ragent", version=__version__)
    if settings.command:
        server = StdioServerParameters(
            command=settings.command, args=list(settings.args), env=_environment(name, settings)
        )
        async with Client(stdio_client(server, errlog=log), client_info=info) as client:
            yield client
        return
    token = _secret(name, "", required=False)
    headers = {"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {token}"} if token else {})
    timeout = httpx2.Timeout(settings.call_seconds)
    async with (
        httpx2.AsyncClient(headers=headers, timeout=timeout, event_hooks={"response": [_bound]}) as http,
        Client(streamable_http_client(settings.url, http_client=http), client_info=info) as client,
    ):
        yield client


async def _bound(response: httpx2.Response) -> None:
    """Refuse answers that are packed, and stop those that don't end: the package reads JSON whole."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise httpx2.DecodingError("a packed answer was not asked for", request=response.request)
    if isinstance(response.stream, httpx2.AsyncByteStream) and not _is_event_stream(response):
        response.stream = _Bounded(response.stream)


def _is_event_stream(response: httpx2.Response) -> bool:
    return response.headers.get("content-type", "").startswith("text/event-stream")


class _Bounded(httpx2.AsyncByteStream):
    """An answer's bytes, up to a limit."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = _LONGEST_ANSWER
        async for piece in self._stream:
            left -= len(piece)
            if left < 0:
                raise httpx2.ReadError(f"the answer is longer than {_LONGEST_ANSWER} bytes")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


def _environment(name: str, settings: MCPServerSettings) -> dict[str, str]:
    return {
        key: _secret(name, key, required=True) if value == _UNSET else value
        for key, value in settings.env.items()
    }


def _secret(name: str, key: str, *, required: bool) -> str:
    variables = secret_variables(name, key)
    found = next((os.environ[variable] for variable in variables if variable in os.environ), "")
    if required and not found:
        raise ConfigError(f"the MCP server {name} needs the secret {key}", hint=f"set {variables[0]}")
    return found


def _reason(error: BaseException, settings: MCPServerSettings) -> str:
    """Why a server can't be used, in words of our own or the system's."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return f"it didn't start within {settings.start_seconds:g} seconds"
    if isinstance(error, FileNotFoundError):
        return f"there is no program {settings.command!r}"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, MCPError) and error.code == CONNECTION_CLOSED:
        return "it ended, or closed its output, before it answered"
    return f"it doesn't speak the protocol, or can't be reached ({type(error).__name__})"


def _last_words(log: TextIO) -> str:
    """The end of what the server wrote to stderr."""
    log.seek(0)
    said = " ".join(str(log.read()).split())[-_LAST_WORDS:]
    return f"it wrote: {said}" if said else ""
