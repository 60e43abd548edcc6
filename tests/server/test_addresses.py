"""No address leads to what only this machine reaches."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.server.conftest import OpenServer
from tests.server.jobs import finished
from tests.server.two_people import SECRET, Signed, TwoPeople


@pytest.fixture(scope="module")
def inner() -> Iterator[tuple[int, list[str]]]:
    """A server that only this machine reaches, and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(SECRET.encode())

        def log_message(self, *_: object) -> None:
            pass

    serving = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=serving.serve_forever)
    thread.start()
    yield serving.server_port, asked
    serving.shutdown()
    thread.join()
    serving.server_close()


@pytest.mark.parametrize("who", ["ed", "ada"])
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "0", "ann:pw@127.0.0.1"]
)
def test_no_url_leads_to_this_machine(
    two: TwoPeople, inner: tuple[int, list[str]], host: str, who: str
) -> None:
    port, asked = inner
    sent = two.send(
        who, ("POST", "/ingest", {"json": {"urls": [f"http://{host}:{port}/"], "collection": "mine"}})
    )
    assert sent.status_code == 202, sent.text
    signed = Signed(two.client, {"Authorization": f"Bearer {two.keys[who]}"})
    job = finished(signed, sent.json())
    assert (job["report"].get("added", 0), asked) == (0, []), job
    assert "private address" in json.dumps(job["report"])


@pytest.mark.parametrize("who", ["ed", "ada"])
@pytest.mark.parametrize(
    "body",
    [
        {"urls": ["http://127.0.0.1/#allow_private=1"]},
        {"urls": ["feed+http://127.0.0.1/"]},
        {"urls": ["file:///etc/passwd"]},
        {"urls": [" http://127.0.0.1/"]},
        {"urls": ["http\t://127.0.0.1/"]},
        {"paths": ["feed+http://127.0.0.1/#allow_private=1"]},
        {"paths": ["git+http://127.0.0.1/a.git"]},
        {"paths": ["sql+sqlite:////etc/passwd#query=x&key=y"]},
        {"paths": ["simplecache::http://127.0.0.1/"]},
        {"paths": ["notes"]},
        {"paths": ["~/notes"]},
        {},
    ],
    ids=lambda body: json.dumps(body),
)
def test_what_a_source_reaches_is_not_said_over_the_network(
    two: TwoPeople, body: dict[str, Any], who: str
) -> None:
    assert two.send(who, ("POST", "/ingest", {"json": {**body, "collection": "mine"}})).status_code == 400


def test_where_nobody_signs_in_no_url_leads_to_this_machine(
    open_server: OpenServer, inner: tuple[int, list[str]]
) -> None:
    client = open_server().client
    port, asked = inner
    job = finished(client, client.post("/ingest", json={"urls": [f"http://127.0.0.1:{port}/"]}).json())
    assert (job["report"].get("added", 0), asked) == (0, [])
