"""A network that is cut: a TCP proxy that passes so many bytes of what a server says, and then no more."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

Way = Literal["reset", "end", "silence"]
WAYS: tuple[Way, ...] = ("reset", "end", "silence")
_RESET = struct.pack("ii", 1, 0)
_BYTES_A_PIECE = 1 << 16


@dataclass
class Proxy:
    """`passed` counts what servers said. Once it would exceed `limit`, all is cut; None: nothing ever is."""

    url: str
    limit: int | None = None
    way: Way = "reset"
    passed: int = 0
    was_cut: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)

    def cut_after(self, limit: int, way: Way) -> None:
        """Begin to count, and cut once."""
        with self.lock:
            self.passed, self.limit, self.way, self.was_cut = 0, limit, way, False

    def mend(self) -> None:
        """Cut no longer."""
        with self.lock:
            self.limit = None

    def take(self, data: bytes) -> tuple[bytes, bool]:
        """What of it may pass, and whether that was the last."""
        with self.lock:
            if self.limit is None:
                self.passed += len(data)
                return data, False
            left = self.limit - self.passed
            if left >= len(data):
                self.passed += len(data)
                return data, False
            self.was_cut, self.limit = True, None
            return data[:left], True


@contextmanager
def cutting(url: str) -> Iterator[Proxy]:
    """Stand before a server while inside."""
    parts = urlsplit(url)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = Proxy(f"http://127.0.0.1:{listener.getsockname()[1]}{parts.path}")
        there = (parts.hostname or "", parts.port or 0)
        threading.Thread(target=_accept, args=(proxy, listener, there), daemon=True).start()
        try:
            yield proxy
        finally:
            proxy.over.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


def _accept(proxy: Proxy, listener: socket.socket, there: tuple[str, int]) -> None:
    while not proxy.over.is_set():
        try:
            client, _ = listener.accept()
        except OSError:
            return
        server = socket.create_connection(there)
        threading.Thread(target=_ask, args=(client, server), daemon=True).start()
        threading.Thread(target=_answer, args=(proxy, server, client), daemon=True).start()


def _ask(client: socket.socket, server: socket.socket) -> None:
    with suppress(OSError):
        while data := client.recv(_BYTES_A_PIECE):
            server.sendall(data)
    _close(server)


def _answer(proxy: Proxy, server: socket.socket, client: socket.socket) -> None:
    with suppress(OSError):
        while data := server.recv(_BYTES_A_PIECE):
            data, is_last = proxy.take(data)
            client.sendall(data)
            if not is_last:
                continue
            if proxy.way == "silence":
                proxy.over.wait()
            elif proxy.way == "reset":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                client.close()
            break
    _close(server)
    _close(client)


def _close(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
