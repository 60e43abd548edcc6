"""A home of two people who must not get at each other's, for what is proved of that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from starlette.testclient import TestClient

from ragent.config import load_settings
from ragent.server import make_app
from ragent.service import Service
from tests.server.jobs import finished

SECRET = "The safe of Kessel Bank is behind the tide chart."
Request = tuple[str, str, dict[str, Any]]


@dataclass(frozen=True)
class TwoPeople:
    """A home of two people: edna's collection `theirs` holds a secret, ed's `mine` doesn't."""

    service: Service
    client: TestClient
    keys: dict[str, str]
    document: int
    conversation: str
    turn: str
    job: str

    def send(self, who: str, request: Request) -> httpx.Response:
        method, path, rest = request
        headers = {"Authorization": f"Bearer {self.keys[who]}", **rest.get("headers", {})}
        return self.client.request(method, path, **{**rest, "headers": headers})


@contextmanager
def two_people(home: Path) -> Iterator[TwoPeople]:
    """Make the home and open it, in this process."""
    settings = load_settings(
        None,
        server={"sign_in": "password", "upload_mb": 1.0, "body_mb": 0.5},
        ingest={"readers": 1},
        ask={"style": "extract"},
        llm={"max_tokens": 4},
    )
    service = Service.open(home, settings)
    client = TestClient(make_app(service), base_url="http://localhost", raise_server_exceptions=True)
    keys = {}
    for name, collection in (("edna", "theirs"), ("ed", "mine")):
        service.people.add(name, "editor")
        keys[name] = service.people.make_key("all", name, "editor")
        auth = {"Authorization": f"Bearer {keys[name]}"}
        assert client.post("/collections", json={"name": collection}, headers=auth).status_code == 201
    # Somebody's key for one of their collections, and one of an admin's.
    service.people.add("ada", "admin")
    keys["narrow"] = service.people.make_key("narrow", "edna", "editor", ["mine", "third"])
    keys["narrow admin"] = service.people.make_key("narrow", "ada", "admin", ["mine", "third"])
    keys["ada"] = service.people.make_key("all", "ada", "admin")
    auth = {"Authorization": f"Bearer {keys['edna']}"}
    sent = client.post(
        "/uploads", params={"collection": "theirs"}, files={"files": ("k.txt", SECRET)}, headers=auth
    )
    as_edna = Signed(client, auth)
    job = finished(as_edna, sent.json()["job"])
    assert job["report"]["added"] == 1, job
    (document,) = as_edna.get("/documents", params={"collection": "theirs"}).json()["documents"]
    made = client.post(
        "/conversations", json={"collection": "theirs", "title": "Kessel"}, headers=auth
    ).json()
    turn = client.post(
        f"/conversations/{made['id']}/ask", json={"question": "Where is the safe?"}, headers=auth
    ).json()
    assert turn["state"] == "done", turn
    try:
        yield TwoPeople(service, client, keys, document["id"], made["id"], turn["id"], job["id"])
    finally:
        client.close()
        service.close()


@dataclass(frozen=True)
class Signed:
    """The client with somebody's key."""

    client: TestClient
    headers: dict[str, str]

    def get(self, path: str, **rest: Any) -> httpx.Response:
        return self.client.get(path, headers=self.headers, **rest)
