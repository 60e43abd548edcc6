"""What holds for every request: who may reach the server at all, how large a body is, ids and headers."""

from __future__ import annotations

import ipaddress
import re
import uuid
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragent.server.carrying import Gone
from ragent.server.errors import answer_for, body, respond
from ragent.server_settings import ServerSettings

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_FOREIGN = frozenset({"cross-site", "same-site"})
_FORM_BYTES = 64 * 1024
UPLOADS = "/uploads"
"""Below this path bodies may be as large as an upload."""

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Allowed:
    """What is let through.

    Attributes:
        body_bytes: the largest body.
        upload_bytes: the largest one below `UPLOADS`.
        names: the only host names by which the server is reached; None: any.
        origins: host names whose pages may use it, beside the one by which it is reached.
    """

    body_bytes: int
    upload_bytes: int
    names: frozenset[str] | None
    origins: frozenset[str]


def limits_of(settings: ServerSettings) -> Allowed:
    """What the settings let through."""
    named = frozenset(name.lower() for name in settings.names)
    names = _LOOPBACK | {settings.host.lower()} | named if is_loopback(settings.host) else named
    body, upload = int(settings.body_mb * 2**20), int(settings.upload_mb * 2**20) + _FORM_BYTES
    return Allowed(body, upload, names or None, named)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class Limits:
    """ASGI middleware, around all others.

    A request whose Host is another than the server's is refused: a web page could reach it by a name of its
    own that leads here (DNS rebinding). So is one that a browser sends for a page of another site: it could
    not read the answer, but what it asked for would be done.
    """

    def __init__(self, app: ASGIApp, limits: Allowed) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                out = MutableHeaders(scope=message)
                out["X-Request-ID"] = request_id
                if message["status"] == 413 and "content-length" not in headers:
                    out["Connection"] = "close"  # the body has no end that is known
                for name, value in _HEADERS.items():
                    out.setdefault(name, value)
            await send(message)

        refused = self._refusal(scope, headers)
        if refused is not None:
            status, message, code = refused
            await respond(status, body(status, message, request_id, code=code))(scope, receive, sending)
            return
        try:
            await self._app(scope, self._counted(scope, receive), sending)
        except (Gone, ClientDisconnect):
            return
        except Exception as error:
            answer = answer_for(error, request_id)
            if not started:
                await answer(scope, receive, sending)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str, str] | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if self._limits.names is not None and _name_of(host) not in self._limits.names:
            return 403, "this server isn't reached by that host name: see [server] names", "wrong_host"
        if (origin is not None and not self._is_own(origin, host)) or headers.get("sec-fetch-site") in {
            "cross-site",
            "same-site",
        }:
            return 403, "web pages of other sites may not use this server", "wrong_origin"
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > self._most(scope):
            return 413, f"a request has at most {self._most(scope)} bytes", "too_large"
        return None

    def _is_own(self, origin: str, host: str) -> bool:
        netloc = origin.partition("://")[2].lower()
        return netloc == host.lower() or _name_of(netloc) in self._limits.origins

    def _most(self, scope: Scope) -> int:
        path = scope["path"]
        inside = path == UPLOADS or path.startswith(f"{UPLOADS}/")
        return self._limits.upload_bytes if inside else self._limits.body_bytes

    def _counted(self, scope: Scope, receive: Receive) -> Receive:
        most, seen = self._most(scope), 0

        async def receiving() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > most:
                    raise HTTPException(413, f"a request has at most {most} bytes")
            return message

        return receiving


def _name_of(host: str) -> str:
    name = urlsplit(f"//{host}").hostname if host.isprintable() and "@" not in host else None
    return name or ""
