"""How the server is reached: over stdin and stdout, or over HTTP."""

from __future__ import annotations

import hmac
import ipaddress
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

import uvicorn
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ragent.errors import ConfigError, RagentError

_LARGEST_BODY = 1_000_000
_GRACE_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen.

    Attributes:
        host: a name or address of this machine.
        port: 0: any that is free.
        token: what callers must send as a bearer token; "": nothing.
        names: more host names that callers may use, beside `host` and those of this machine for itself.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    token: str = ""
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (self.token or _is_loopback(self.host)):
            raise ConfigError(
                f"{self.host} is reached from other machines: anybody there could read your documents",
                hint="set a token in RAGENT_SECRET_MCP, or leave --host out",
            )


def serve_stdio(server: MCPServer) -> None:
    """Serve one client over stdin and stdout, until it closes stdin, or SIGINT or SIGTERM.

    Nothing but the protocol goes to stdout: what anything else prints there comes out on stderr.
    """
    _leave_on_signals()
    server.run("stdio")


def serve_http(server: MCPServer, address: Address, on_ready: Callable[[str], None]) -> None:
    """Serve over streamable HTTP, until SIGINT or SIGTERM.

    Requests whose Host or Origin is another one are refused, so that no web page can reach the server by a
    name of its own that leads here (DNS rebinding), and so are bodies above 1 MB.

    Raises:
        RagentError: the address can't be listened on.
    """
    try:
        listening = socket.create_server((address.host, address.port), family=_family(address.host))
    except OSError as error:
        raise RagentError(
            f"can't listen on {address.host}, port {address.port}: {error.strerror}",
            hint="another program may be there: choose another --port, or 0 for any that is free",
        ) from error
    app: ASGIApp = server.streamable_http_app(
        json_response=True,
        stateless_http=True,
        max_request_body_size=_LARGEST_BODY,
        transport_security=_allowed(address),
    )
    if address.token:
        app = _Guarded(app, address.token)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=_GRACE_SECONDS)
    _leave_on_signals()  # uvicorn ends in good order first, then passes the signal on
    on_ready(f"http://{_bracketed(address.host)}:{listening.getsockname()[1]}/mcp")
    uvicorn.Server(config).run(sockets=[listening])


class _Guarded:
    """Lets through only who knows the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = Headers(scope=scope).get("authorization", "").encode()
            if not hmac.compare_digest(given, self._expected):
                told = PlainTextResponse("a bearer token is needed", 401, {"WWW-Authenticate": "Bearer"})
                await told(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _allowed(address: Address) -> TransportSecuritySettings:
    names = {"127.0.0.1", "localhost", "[::1]", _bracketed(address.host), *address.names}
    hosts = sorted({form for name in names for form in (name, f"{name}:*")})
    origins = [f"{scheme}://{host}" for scheme in ("http", "https") for host in hosts]
    return TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _leave_on_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)


def _leave(_number: int, _frame: FrameType | None) -> None:
    # At once: a thread that waits for stdin can't be stopped, and what is on disk is whole at any moment.
    os._exit(0)
