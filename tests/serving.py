"""A web server of this machine, for tests of what fetches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True)
class Site:
    """`answers` by path (others are 404), and the paths and headers of the requests `seen`."""

    url: str
    answers: dict[str, Answer] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.seen]


def say(body: bytes | str, status: int = 200, **headers: str) -> Answer:
    """An answer; underscores in the names of headers stand for hyphens."""
    data = body.encode() if isinstance(body, str) else body

    def answer(handler: BaseHTTPRequestHandler) -> None:
        etag = headers.get("ETag")
        unchanged = etag is not None and handler.headers["If-None-Match"] == etag
        handler.send_response(304 if unchanged else status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        if not unchanged:
            handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        if not unchanged and handler.command != "HEAD":
            handler.wfile.write(data)

    return answer


@contextmanager
def serving() -> Iterator[Site]:
    """Serve on 127.0.0.1 while inside."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.seen.append((self.path, dict(self.headers)))
            site.answers.get(self.path, say("not here", 404))(self)

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site = Site(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield site
        server.shutdown()
        thread.join()
