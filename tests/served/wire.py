"""A server of this machine that does on the wire what a test wants: answers, hangs, breaks off."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

Act = Callable[["Wire", socket.socket], None]
_RESET = struct.pack("ii", 1, 0)


@dataclass
class Wire:
    """`acts` by path are taken in turn, the last again and again; others are 404. `asked` is what came."""

    url: str
    acts: dict[str, list[Act]] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    connections: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def bodies(self, path: str) -> list[Any]:
        return [body for asked, body in self.asked if asked == path]

    def act(self, path: str, body: Any, connection: socket.socket) -> None:
        self.asked.append((path, body))
        acts = self.acts.get(path) or [reply({"error": "not here"}, 404)]
        (acts.pop(0) if len(acts) > 1 else acts[0])(self, connection)


def reply(value: Any, status: int = 200, **headers: str) -> Act:
    """JSON, over a connection that is kept."""
    return lambda _, connection: _say(connection, json.dumps(value).encode(), status, headers)


def computed(value: Callable[[Any], Any]) -> Act:
    """JSON that depends on the request."""
    return lambda wire, connection: _say(connection, json.dumps(value(wire.asked[-1][1])).encode(), 200, {})


def garbage(data: bytes) -> Act:
    return lambda _, connection: _say(connection, data, 200, {})


def reset(_: Wire, connection: socket.socket) -> None:
    """Lose the connection without a word."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    raise ConnectionAbortedError


def cut(_: Wire, connection: socket.socket) -> None:
    """End the connection; what was sent before it arrives, unlike with `reset`."""
    raise ConnectionAbortedError


def hang(wire: Wire, _: socket.socket) -> None:
    wire.over.wait(20)


def streamed(*events: Any, then: Act | None = None) -> Act:
    """Server-sent events, chunked, and what comes then; by default the proper end."""

    def act(wire: Wire, connection: socket.socket) -> None:
        connection.sendall(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        for event in events:
            data = f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode()
            connection.sendall(b"%x\r\n%s\r\n" % (len(data), data))
        if then:
            then(wire, connection)
        else:
            connection.sendall(b"0\r\n\r\n")

    return act


def words(*texts: str, end: bool = True) -> list[Any]:
    """The events of a chat completion."""
    chunks: list[Any] = [{"choices": [{"delta": {"content": text}}]} for text in texts]
    return [*chunks, {"choices": [{"delta": {}, "finish_reason": "stop"}]}, "[DONE]"] if end else chunks


@contextmanager
def wired(**acts: Act) -> Iterator[Wire]:
    """Serve while inside. Keywords are the last parts of paths under `/v1`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wire = Wire(f"http://127.0.0.1:{listener.getsockname()[1]}/v1")
        paths = {"chat": "/v1/chat/completions"}
        wire.acts.update({paths.get(name, f"/v1/{name}"): [act] for name, act in acts.items()})
        threading.Thread(target=_accept, args=(wire, listener), daemon=True).start()
        try:
            yield wire
        finally:
            wire.over.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


def _accept(wire: Wire, listener: socket.socket) -> None:
    while not wire.over.is_set():
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        wire.connections += 1
        threading.Thread(target=_serve, args=(wire, connection), daemon=True).start()


def _serve(wire: Wire, connection: socket.socket) -> None:
    with connection, connection.makefile("rb") as read, suppress(OSError):
        while line := read.readline():
            path = line.split()[1].decode()
            length = 0
            while header := read.readline().strip():
                name, _, value = header.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            data = read.read(length)
            wire.act(path, json.loads(data) if data else None, connection)


def _say(connection: socket.socket, data: bytes, status: int, headers: dict[str, str]) -> None:
    lines = [f"HTTP/1.1 {status} it", f"content-length: {len(data)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + data)
