"""What others must not get at, and what must not be done by what is sent."""

from __future__ import annotations

import io
import json
import re
import socket
import stat
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from ragent.config import load_settings
from ragent.server import make_app
from ragent.service import Service
from ragent.service.uploads import folder_of
from tests.server.conftest import OpenServer, Running
from tests.server.test_endpoints import finished

SECRET = "The safe of Kessel Bank is behind the tide chart."
MARKS = ("Kessel", "theirs")
"""What an answer that tells anything of the other collection would hold."""

Request = tuple[str, str, dict[str, Any]]


@dataclass(frozen=True)
class Home:
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


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("two") / "home"
    settings = load_settings(
        None,
        server={"sign_in": "password", "upload_mb": 1.0, "body_mb": 0.5},
        ingest={"readers": 1},
        ask={"style": "extract"},
        llm={"max_tokens": 4},
    )
    service = Service.open(folder, settings)
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
    as_edna = _Signed(client, auth)
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
    yield Home(service, client, keys, document["id"], made["id"], turn["id"], job["id"])
    client.close()
    service.close()


@dataclass(frozen=True)
class _Signed:
    client: TestClient
    headers: dict[str, str]

    def get(self, path: str, **rest: Any) -> httpx.Response:
        return self.client.get(path, headers=self.headers, **rest)


# -- somebody else's ------------------------------------------------------------------------------------


def aimed(document: object, conversation: str, turn: str, job: str, collection: str) -> dict[str, Request]:
    """A request by each endpoint that somebody who may would have done, aimed at these."""
    at_document, at_conversation = f"/documents/{document}", f"/conversations/{conversation}"
    named = {"collection": collection}
    chat = {"model": f"ragent/{collection}", "messages": [{"role": "user", "content": "Where is the safe?"}]}
    by_field = {**chat, "model": "ragent", "ragent": named}
    judged = {"rating": 1, "conversation": conversation, "turn": turn}
    given = {"rating": 1, "question": "a?", "answered": {"answer": "b"}, **named}
    return {
        "get /v1/models/{name}": ("GET", f"/v1/models/ragent%2F{collection}", {}),
        "post /v1/chat/completions": ("POST", "/v1/chat/completions", {"json": chat}),
        "post /v1/chat/completions, by its field": ("POST", "/v1/chat/completions", {"json": by_field}),
        "post /search": ("POST", "/search", {"json": {"query": "safe", **named}}),
        "post /ask": ("POST", "/ask", {"json": {"question": "Where is the safe?", **named}}),
        "get /documents": ("GET", "/documents", {"params": named}),
        "get /documents/{document_id}": ("GET", at_document, {}),
        "get /documents/{document_id}/text": ("GET", f"{at_document}/text", {}),
        "get /documents/{document_id}/excerpt": ("GET", f"{at_document}/excerpt", {}),
        "get /documents/{document_id}/pages/{page}": ("GET", f"{at_document}/pages/1", {}),
        "post /ingest": ("POST", "/ingest", {"json": {"urls": ["http://192.0.2.1/"], **named}}),
        "post /uploads": ("POST", "/uploads", {"params": named, "files": {"files": ("a.txt", b"")}}),
        "post /sync": ("POST", "/sync", {"json": {"dry_run": True, **named}}),
        "get /jobs/{job_id}": ("GET", f"/jobs/{job}", {}),
        "delete /jobs/{job_id}": ("DELETE", f"/jobs/{job}", {}),
        "get /conversations/{conversation_id}": ("GET", at_conversation, {}),
        "patch /conversations/{conversation_id}": ("PATCH", at_conversation, {"json": {"title": "K"}}),
        "post /conversations/{conversation_id}/ask": (
            "POST",
            f"{at_conversation}/ask",
            {"json": {"question": "Where is the safe?"}},
        ),
        "get /conversations/{conversation_id}/export": ("GET", f"{at_conversation}/export", {}),
        "post /feedback": ("POST", "/feedback", {"json": judged}),
        "post /feedback, of an answer": ("POST", "/feedback", {"json": given}),
        "delete /conversations/{conversation_id}": ("DELETE", at_conversation, {}),
        "delete /documents/{document_id}": ("DELETE", at_document, {}),
    }


LISTS: dict[str, Request] = {
    "get /v1/models": ("GET", "/v1/models", {}),
    "get /metrics": ("GET", "/metrics", {}),
    "get /collections": ("GET", "/collections", {}),
    "get /jobs": ("GET", "/jobs", {}),
    "get /conversations": ("GET", "/conversations", {}),
}
"""What tells of several collections at once, and must leave out those of others."""

OF_NO_COLLECTION = {
    "get /health",
    "get /health/ready",
    "post /v1/completions",
    "post /v1/embeddings",
    "post /v1/tokenize",
    "post /v1/rerank",
    "post /collections",
    "post /conversations",
}
"""Endpoints that are given all they work with, or make something new, which has a test of its own."""

AIMED = sorted(aimed(0, "", "", "", ""))
NOBODY = "0" * 32


def test_no_endpoint_is_forgotten_here(home: Home) -> None:
    described = make_app(home.service).openapi()["paths"]
    operations = {f"{method} {path}" for path, methods in described.items() for method in methods}
    covered = {name.partition(",")[0] for name in AIMED} | set(LISTS) | OF_NO_COLLECTION
    assert operations <= covered


@pytest.mark.parametrize("who", ["ed", "narrow", "narrow admin"])
@pytest.mark.parametrize("name", AIMED)
def test_what_is_anothers_is_as_if_it_were_not_there(home: Home, name: str, who: str) -> None:
    theirs = aimed(home.document, home.conversation, home.turn, home.job, "theirs")[name]
    nothing = aimed(10**9, NOBODY, NOBODY, NOBODY, "nothing")[name]
    refused = home.send(who, theirs)
    assert refused.status_code == 404, refused.text
    assert "Kessel" not in refused.text
    # An editor may make a collection of a name that nobody has; a key for some may not.
    if not name.startswith(("post /ingest", "post /uploads")):
        missing = home.send(who, nothing)
        assert (missing.status_code, _plain(missing)) == (404, _plain(refused))


@pytest.mark.parametrize("name", sorted(LISTS))
@pytest.mark.parametrize("who", ["ed", "narrow", "narrow admin"])
def test_lists_leave_out_what_is_anothers(home: Home, name: str, who: str) -> None:
    answer = home.send(who, LISTS[name])
    assert answer.status_code == 200
    assert not [mark for mark in MARKS if mark in answer.text]


@pytest.mark.parametrize("who", ["ed", "narrow", "narrow admin"])
def test_nothing_new_gets_at_what_is_anothers(home: Home, who: str) -> None:
    made = home.send(who, ("POST", "/conversations", {"json": {"collection": "theirs"}}))
    if made.status_code == 201:
        asked = ("POST", f"/conversations/{made.json()['id']}/ask", {"json": {"question": "safe?"}})
        assert home.send(who, asked).status_code == 404
    claimed = home.send(who, ("POST", "/collections", {"json": {"name": "theirs"}}))
    assert claimed.status_code == 403
    liked = {"query": str(home.document), "technique": ["more-like-this"], "collection": "mine"}
    assert "Kessel" not in home.send(who, ("POST", "/search", {"json": liked})).text
    stolen = folder_of(home.service.home, "theirs") / "k.txt"
    for place in (stolen, home.service.home, stolen.parent / ".." / stolen.parent.name / "k.txt"):
        read = {"json": {"paths": [str(place)], "collection": "mine"}}
        assert home.send(who, ("POST", "/ingest", read)).status_code in {403, 404}


@pytest.mark.parametrize("name", AIMED)
def test_the_owner_gets_it(home: Home, name: str) -> None:
    """So that what others are refused is what is asked for, and not some mistake in the request."""
    if name.startswith("delete"):
        pytest.skip("is done last")
    answer = home.send("edna", aimed(home.document, home.conversation, home.turn, home.job, "theirs")[name])
    if name == "get /documents/{document_id}/pages/{page}":
        assert "no pictures" in answer.json()["error"]["message"]
    else:
        assert answer.status_code < 300, answer.text


def _plain(answer: httpx.Response) -> str:
    """What is told, without what was asked for and the request's id."""
    text = re.sub(r'"request_id": ?"[^"]*"', "", answer.text)
    return re.sub(r"'[^']*'|\d+|ragent/\w+", "…", text)


# -- uploads --------------------------------------------------------------------------------------------

CUNNING = [
    "../../../../outside.txt",
    "..\\..\\outside.txt",
    "/tmp/outside.txt",
    "C:\\outside.txt",
    "a/../../outside.txt",
    "%2e%2e%2foutside.txt",
    "out\r\nX-Injected: 1\r\n.txt",
    "..\u2215outside.txt",
    "a" * 5000 + ".txt",
    ".part",
    "con.txt",
    "<script>alert(1)</script>.txt",
]


@pytest.mark.parametrize("name", CUNNING)
def test_an_upload_stays_in_its_folder(home: Home, name: str) -> None:
    boundary = "----b"
    quoted = name.replace('"', "%22").replace("\r\n", "%0D%0A")
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{quoted}"\r\n'
        f"Content-Type: text/plain\r\n\r\nwhatever\r\n--{boundary}--\r\n"
    ).encode()
    root = home.service.home.parent
    before = set(root.rglob("*"))
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    sent = ("POST", "/uploads", {"params": {"collection": "mine"}, "content": body, "headers": headers})
    answer = home.send("ed", sent)
    assert answer.status_code in {202, 400, 422}, answer.text
    assert "X-Injected" not in answer.headers
    folder = folder_of(home.service.home, "mine")
    new = [path for path in set(root.rglob("*")) - before if path.is_file() and "uploads" in path.parts]
    assert all(path.parent == folder for path in new)


def test_nothing_is_read_of_an_upload_that_is_not_allowed(home: Home) -> None:
    def endless() -> Iterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = home.client.post("/uploads", content=endless(), headers=headers)
    assert answer.status_code == 401
    sent = (
        "POST",
        "/uploads",
        {"params": {"collection": "theirs"}, "content": endless(), "headers": headers},
    )
    assert home.send("ed", sent).status_code == 404


def zipped(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()


def linked() -> bytes:
    """An archive of a link to a file outside, and of a file below it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        entry = zipfile.ZipInfo("way")
        entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc")
        archive.writestr("way/outside.txt", "This leads out.")
    return packed.getvalue()


ARCHIVES = {
    "bomb": zipped(**{"big.txt": bytes(20 * 2**20)}),
    "bomb of many": zipped(**{f"{number}.txt": bytes(2**20 - 1) for number in range(15)}),
    "way out": zipped(**{"../../../outside.txt": b"This leads out.", "/tmp/outside.txt": b"So does this."}),
    "link": linked(),
    "file and folder of one name": zipped(**{"a": b"a file", "a/b.txt": b"in a folder of that name"}),
    "folder and file of one name": zipped(**{"a/b.txt": b"in a folder of that name", "a": b"a file"}),
    "deep": zipped(**{"/".join(["deep"] * 190) + "/a.txt": b"deep down", "b.txt": b"on top"}),
    "long": zipped(**{"/".join(["long" * 60] * 4) + ".txt": b"a long name"}),
    "odd names": zipped(**{"con/ .txt": b"a", "a//b.txt": b"b", "...": b"c", "\x07.txt": b"d"}),
    "cut": zipped(**{"a.txt": bytes(range(256)) * 50})[:-30],
}


@pytest.mark.parametrize("name", sorted(ARCHIVES))
def test_an_archive_does_no_harm(home: Home, name: str) -> None:
    sent: Request = (
        "POST",
        "/uploads",
        {"params": {"collection": "mine"}, "files": {"files": (f"{name}.zip", ARCHIVES[name])}},
    )
    for _ in range(2):
        answer = home.send("ed", sent)
        assert answer.status_code in {202, 422}, answer.text
    root = home.service.home.parent
    assert not [path for path in root.parent.rglob("outside.txt") if "uploads" not in path.parts]
    assert not [path for path in root.rglob("*") if path.is_symlink()]
    folder = folder_of(home.service.home, "mine")
    kept = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert kept < 12 * 2**20


def test_more_than_may_be_uploaded_is_refused(home: Home) -> None:
    files = {"files": ("big.txt", bytes(2 * 2**20))}
    sent: Request = ("POST", "/uploads", {"params": {"collection": "mine"}, "files": files})
    assert home.send("ed", sent).status_code == 413
    body = ("POST", "/search", {"json": {"query": "x" * 2**20, "collection": "mine"}})
    assert home.send("ed", body).status_code == 413
    assert not list(home.service.home.rglob("*.part"))


def test_a_body_without_a_length_is_cut_off_when_it_is_too_large(server: Running) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(
            f"POST /search HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode()
        )
        piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        sent = 0
        try:
            while sent < 64 * 2**20:
                connection.sendall(piece)
                sent += len(piece)
        except OSError:
            pass  # the server has closed it
        assert sent < 64 * 2**20
    with server.client() as client:
        assert client.get("/health").status_code == 200


# -- what is kept and given back ------------------------------------------------------------------------


def test_nothing_is_ever_given_as_a_page(home: Home) -> None:
    script = "<script>alert(1)</script>"
    page = f"<!doctype html><title>{script}</title><p>{script} The crane lifts.</p>"
    name = "<img src=x onerror=alert(1)>.html"
    sent: Request = (
        "POST",
        "/uploads",
        {"params": {"collection": "mine"}, "files": {"files": (name, page, "text/html")}},
    )
    uploaded = home.send("ed", sent)
    signed = _Signed(home.client, {"Authorization": f"Bearer {home.keys['ed']}"})
    finished(signed, uploaded.json()["job"])
    listed = signed.get("/documents", params={"collection": "mine"})
    ids = [one["id"] for one in listed.json()["documents"]]
    talk = home.send(
        "ed", ("POST", "/conversations", {"json": {"collection": "mine", "title": script}})
    ).json()
    answers = [uploaded, listed, signed.get(f"/{script}"), signed.get(f"/documents/{script}")]
    answers += [signed.get(f"/documents/{id_}{what}") for id_ in ids for what in ("", "/text", "/excerpt")]
    answers += [signed.get(f"/conversations/{talk['id']}/export", params={"form": form}) for form in FORMS]
    answers += [home.send("ed", ("POST", "/search", {"json": {"query": script, script: script}}))]
    for answer in answers:
        kind = answer.headers["content-type"].partition(";")[0]
        assert kind in {"application/json", "text/markdown"}
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


FORMS = ("markdown", "json")


@pytest.mark.parametrize(
    "title", ['a"\r\nX-Injected: 1', "x; filename=evil.exe", "Größe 日本\u202egpj", "a\0b/../c"]
)
@pytest.mark.parametrize("form", FORMS)
def test_a_title_stays_within_its_header(home: Home, title: str, form: str) -> None:
    new: Request = ("POST", "/conversations", {"json": {"collection": "mine", "title": title}})
    made = home.send("ed", new)
    assert made.status_code == 201, made.text
    answer = home.send(
        "ed", ("GET", f"/conversations/{made.json()['id']}/export", {"params": {"form": form}})
    )
    assert "x-injected" not in answer.headers
    given = answer.headers["content-disposition"]
    assert re.fullmatch(r"attachment; filename=\"[\w ._-]+\"; filename\*=UTF-8''[\w.%~-]+", given, re.ASCII)


@pytest.mark.parametrize(
    "id_", ["..%2f..%2fetc%2fpasswd", "-1", "0", "1e3", "1%00", "9" * 40, "１", "1;ls", "%2e%2e"]
)
def test_ids_are_numbers(home: Home, id_: str) -> None:
    for ending in ("", "/text", "/excerpt", "/pages/1"):
        assert home.send("ed", ("GET", f"/documents/{id_}{ending}", {})).status_code in {400, 404}


@pytest.mark.parametrize("style", ["../../../etc/passwd", "answer@../x", "%2e%2e/answer", "{{ 7*7 }}"])
def test_a_style_is_one_of_those_there_are(home: Home, style: str) -> None:
    asked = {"question": "Where?", "collection": "mine", "style": style}
    assert home.send("ed", ("POST", "/ask", {"json": asked})).status_code == 400
    extended = {"collection": "mine", "style": style}
    chat = {"model": "ragent", "messages": [{"role": "user", "content": "Where?"}], "ragent": extended}
    assert home.send("ed", ("POST", "/v1/chat/completions", {"json": chat})).status_code == 400
    for unknown in ({"prompt": style}, {"changes": {"ask": {"prompt": style}}}):
        asked = {"question": "Where?", "collection": "mine", **unknown}
        assert home.send("ed", ("POST", "/ask", {"json": asked})).status_code == 400


# -- addresses ------------------------------------------------------------------------------------------


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
def test_no_url_leads_to_this_machine(home: Home, inner: tuple[int, list[str]], host: str, who: str) -> None:
    port, asked = inner
    sent = home.send(
        who, ("POST", "/ingest", {"json": {"urls": [f"http://{host}:{port}/"], "collection": "mine"}})
    )
    assert sent.status_code == 202, sent.text
    signed = _Signed(home.client, {"Authorization": f"Bearer {home.keys[who]}"})
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
    home: Home, body: dict[str, Any], who: str
) -> None:
    assert home.send(who, ("POST", "/ingest", {"json": {**body, "collection": "mine"}})).status_code == 400


def test_where_nobody_signs_in_no_url_leads_to_this_machine(
    open_server: OpenServer, inner: tuple[int, list[str]]
) -> None:
    client = open_server().client
    port, asked = inner
    job = finished(client, client.post("/ingest", json={"urls": [f"http://127.0.0.1:{port}/"]}).json())
    assert (job["report"].get("added", 0), asked) == (0, [])


# -- last, since it removes what others ask for ---------------------------------------------------------


def test_the_owner_removes_it(home: Home) -> None:
    requests = aimed(home.document, home.conversation, home.turn, home.job, "theirs")
    for name in ("jobs/{job_id}", "conversations/{conversation_id}", "documents/{document_id}"):
        assert home.send("edna", requests[f"delete /{name}"]).status_code < 300
    assert not [path for path in home.service.home.rglob("k.txt") if Path(path).is_file()]
