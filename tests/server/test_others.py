"""What belongs to somebody else is as if it were not there."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from ragent.server import make_app
from ragent.service.uploads import folder_of
from tests.server.two_people import Request, TwoPeople, two_people

MARKS = ("Kessel", "theirs")
"""What an answer that tells anything of the other collection would hold."""


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


def test_no_endpoint_is_forgotten_here(two: TwoPeople) -> None:
    described = make_app(two.service).openapi()["paths"]
    operations = {f"{method} {path}" for path, methods in described.items() for method in methods}
    covered = {name.partition(",")[0] for name in AIMED} | set(LISTS) | OF_NO_COLLECTION
    assert operations <= covered


@pytest.mark.parametrize("who", ["ed", "narrow", "narrow admin"])
@pytest.mark.parametrize("name", AIMED)
def test_what_is_anothers_is_as_if_it_were_not_there(two: TwoPeople, name: str, who: str) -> None:
    theirs = aimed(two.document, two.conversation, two.turn, two.job, "theirs")[name]
    nothing = aimed(10**9, NOBODY, NOBODY, NOBODY, "nothing")[name]
    refused = two.send(who, theirs)
    assert refused.status_code == 404, refused.text
    assert "Kessel" not in refused.text
    # An editor may make a collection of a name that nobody has; a key for some may not.
    if not name.startswith(("post /ingest", "post /uploads")):
        missing = two.send(who, nothing)
        assert (missing.status_code, _plain(missing)) == (404, _plain(refused))


@pytest.mark.parametrize("name", sorted(LISTS))
@pytest.mark.parametrize("who", ["ed", "narrow", "narrow admin"])
def test_lists_leave_out_what_is_anothers(two: TwoPeople, name: str, who: str) -> None:
    answer = two.send(who, LISTS[name])
    assert answer.status_code == 200
    assert not [mark for mark in MARKS if mark in answer.text]


@pytest.mark.parametrize("who", ["ed", "narrow", "narrow admin"])
def test_nothing_new_gets_at_what_is_anothers(two: TwoPeople, who: str) -> None:
    made = two.send(who, ("POST", "/conversations", {"json": {"collection": "theirs"}}))
    if made.status_code == 201:
        asked = ("POST", f"/conversations/{made.json()['id']}/ask", {"json": {"question": "safe?"}})
        assert two.send(who, asked).status_code == 404
    claimed = two.send(who, ("POST", "/collections", {"json": {"name": "theirs"}}))
    assert claimed.status_code == 403
    liked = {"query": str(two.document), "technique": ["more-like-this"], "collection": "mine"}
    assert "Kessel" not in two.send(who, ("POST", "/search", {"json": liked})).text
    stolen = folder_of(two.service.home, "theirs") / "k.txt"
    for place in (stolen, two.service.home, stolen.parent / ".." / stolen.parent.name / "k.txt"):
        read = {"json": {"paths": [str(place)], "collection": "mine"}}
        assert two.send(who, ("POST", "/ingest", read)).status_code in {403, 404}


@pytest.mark.parametrize("name", [name for name in AIMED if not name.startswith("delete")])
def test_the_owner_gets_it(two: TwoPeople, name: str) -> None:
    """So that what others are refused is what is asked for, and not some mistake in the request."""
    answer = two.send("edna", aimed(two.document, two.conversation, two.turn, two.job, "theirs")[name])
    if name == "get /documents/{document_id}/pages/{page}":
        assert "no pictures" in answer.json()["error"]["message"]
    else:
        assert answer.status_code < 300, answer.text


def test_the_owner_removes_it(tmp_path: Path) -> None:
    with two_people(tmp_path / "home") as two:
        requests = aimed(two.document, two.conversation, two.turn, two.job, "theirs")
        for name in ("jobs/{job_id}", "conversations/{conversation_id}", "documents/{document_id}"):
            assert two.send("edna", requests[f"delete /{name}"]).status_code < 300
        assert not [path for path in two.service.home.rglob("k.txt") if path.is_file()]


def _plain(answer: httpx.Response) -> str:
    """What is told, without what was asked for and the request's id."""
    text = re.sub(r'"request_id": ?"[^"]*"', "", answer.text)
    return re.sub(r"'[^']*'|\d+|ragent/\w+", "…", text)
