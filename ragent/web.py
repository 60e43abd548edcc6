"""Fetches what others wrote links to, without being led to places that only this machine can reach.

A host name is resolved once, every address it has is checked, and the connection goes to an address that was
checked: a name that resolves differently the next moment (DNS rebinding) gains nothing. Each redirect is a
new request, checked again. TLS still verifies the host's name. Proxies from the environment are not used,
because they would do the resolving.
"""

from __future__ import annotations

import base64
import ipaddress
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import unquote

import httpcore
import httpx

from ragent.errors import SourceError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], list[str]]
_SCHEMES = ("http", "https")
_REDIRECTS = (301, 302, 303, 307, 308)
_GZIP = 16 + zlib.MAX_WBITS
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_FAILURES = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    ssl.SSLError,
    OSError,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class WebLimits:
    """What one request may cost. `seconds` counts from its first byte to its last, redirects apart."""

    max_bytes: int = 100_000_000
    seconds: float = 30.0
    redirects: int = 5
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class Login:
    """`user:password`, for the server at `origin` (`https://host:443`) and no other."""

    origin: str
    words: str


def split_login(url: str) -> tuple[str, Login | None]:
    """A URL without `user:password@`, and that; None where there is none."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        parsed = None
    if parsed is None or not parsed.userinfo:
        return url, None
    words = unquote(parsed.userinfo.decode("ascii"))
    return str(parsed.copy_with(username=None, password=None)), Login(_origin(parsed), words)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A response that came whole. `url` is where the redirects led; header names are in lower case."""

    url: str
    status: int
    headers: Mapping[str, str]
    data: bytes


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, as the system knows them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet, whatever IPv4 address hides in an IPv6 one."""
    try:
        parsed: Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo[1] if parsed.teredo else None)
        if parsed in _NAT64:
            inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if parsed not in _GLOBAL_UNICAST:
            return False
    return parsed.is_global and not parsed.is_multicast


def checked_addresses(
    host: str, port: int, *, allow_private: bool, resolver: Resolver = resolve
) -> list[str]:
    """The addresses of a host that may be connected to.

    Raises:
        SourceError: it has none, or one of them is private, loopback, link-local or reserved.
    """
    try:
        addresses = resolver(host, port)
    except (OSError, UnicodeError) as error:
        raise SourceError(
            f"can't find the host {host}: {error}", hint="check the URL and the network"
        ) from error
    if not addresses:
        raise SourceError(f"can't find the host {host}", hint="check the URL")
    closed = [address for address in addresses if not is_public(address)]
    if closed and not allow_private:
        raise SourceError(
            f"refused to connect to {host}: {closed[0]} is a private address",
            hint="if you trust it, allow private addresses (allow_private=1)",
        )
    return addresses


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Gets URLs within limits."""

    limits: WebLimits = WebLimits()
    agent: str = "ragent"
    resolver: Resolver = resolve
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    login: Login | None = field(default=None, repr=False)

    def get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        follow: Callable[[str], bool] = lambda _: True,
    ) -> Fetched:
        """GET a URL, following redirects for as long as `follow` agrees to the next one.

        Any status is a response; one whose redirect was not agreed to is returned as it is.

        Raises:
            SourceError: not an http(s) URL, a refused or unreachable address, or a limit that was exceeded.
        """
        for _ in range(self.limits.redirects + 1):
            response = self._get_once(url, headers or {})
            target = response.headers.get("location")
            if response.status not in _REDIRECTS or not target:
                return response
            url = str(_parsed(str(_parsed(url).join(target))))
            if not follow(url):
                return response
        raise SourceError(f"can't read {url}: it redirects too often", hint="give the URL it ends at")

    def _get_once(self, url: str, headers: Mapping[str, str]) -> Fetched:
        parsed = _parsed(url)
        backend = _CheckedBackend(self.limits, self.resolver)
        sent = {"host": parsed.netloc.decode("ascii"), "user-agent": self.agent, "accept-encoding": "gzip"}
        if self.login and self.login.origin == _origin(parsed):
            sent["authorization"] = f"Basic {base64.b64encode(self.login.words.encode()).decode()}"
        tls = self.tls or _default_tls()
        pool = httpcore.ConnectionPool(tls, max_keepalive_connections=0, network_backend=backend)
        target = httpcore.URL(
            scheme=parsed.raw_scheme, host=parsed.raw_host, port=parsed.port, target=parsed.raw_path
        )
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), self.limits.seconds)
        request = pool.stream(
            "GET", target, headers=list({**sent, **headers}.items()), extensions={"timeout": timeouts}
        )
        with _told(url), pool, request as response:
            names = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in response.headers}
            pieces = _plain(response.iter_stream(), names.get("content-encoding", ""), url)
            return Fetched(str(parsed), response.status, names, _limited(pieces, self.limits.max_bytes, url))


@cache
def _default_tls() -> ssl.SSLContext:
    return httpcore.default_ssl_context()


class _CheckedBackend(httpcore.NetworkBackend):
    """Connects only to checked addresses, and lets nothing last longer than the limit."""

    def __init__(self, limits: WebLimits, resolver: Resolver) -> None:
        self._limits = limits
        self._resolver = resolver
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        deadline = time.monotonic() + self._limits.seconds
        addresses = checked_addresses(
            host.strip("[]"), port, allow_private=self._limits.allow_private, resolver=self._resolver
        )
        for left, address in zip(reversed(range(len(addresses))), addresses, strict=True):
            try:
                stream = self._sockets.connect_tcp(
                    address, port, _left(deadline), local_address, socket_options
                )
                return _TimedStream(stream, deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if not left:
                    raise
        raise httpcore.ConnectError("no address")


class _TimedStream(httpcore.NetworkStream):
    """A connection with one deadline for all it does: a server that drips bytes can't hold it open."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._deadline))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, _left(self._deadline))
        return _TimedStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the time limit is over")
    return left


def _origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.host}:{url.port or (443 if url.scheme == 'https' else 80)}"


def _parsed(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url).copy_with(fragment=None)
    except (httpx.InvalidURL, ValueError) as error:
        raise SourceError(f"can't read {url[:200]}: {error}", hint="check the URL") from error
    if parsed.scheme not in _SCHEMES or not parsed.host:
        raise SourceError(f"can't read {url[:200]}: it is no http or https URL", hint="check the URL")
    return parsed.copy_with(username=None, password=None) if parsed.userinfo else parsed


def _plain(pieces: Iterable[bytes], encoding: str, url: str) -> Iterator[bytes]:
    """Undo gzip, in portions: what little comes over the wire may unpack to gigabytes."""
    if encoding.strip().lower() in ("", "identity"):
        yield from pieces
        return
    if encoding.strip().lower() not in ("gzip", "x-gzip"):
        raise SourceError(
            f"can't read {url}: it came encoded as {encoding}", hint="the server ignored our wish"
        )
    decoder = zlib.decompressobj(_GZIP)
    for piece in pieces:
        rest = piece
        while rest:
            yield decoder.decompress(rest, 1 << 20)
            rest = decoder.unconsumed_tail
    yield decoder.flush()


def _limited(pieces: Iterable[bytes], max_bytes: int, url: str) -> bytes:
    data = bytearray()
    for piece in pieces:
        data += piece
        if len(data) > max_bytes:
            limit = f"{max_bytes / 1e6:.1f} MB"
            raise SourceError(f"can't read {url}: it is over the limit of {limit}", hint="raise max_file_mb")
    return bytes(data)


@contextmanager
def _told(url: str) -> Iterator[None]:
    try:
        yield
    except httpcore.TimeoutException as error:
        raise SourceError(f"can't read {url}: it took too long", hint="try again later") from error
    except _FAILURES as error:
        reason = str(error) or type(error).__name__
        raise SourceError(f"can't read {url}: {reason}", hint="check the URL and the network") from error
