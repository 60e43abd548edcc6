"""Endpoints beside OpenAI's, each by what a program does with it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ragent.rag import Rag
from tests.server.conftest import HARBOUR, OpenServer, Running
from tests.server.jobs import finished

QUESTION = "Where was the lowest dissolved oxygen value of the year measured?"
NEXT = "How many stations are sampled?"


@pytest.fixture
def client(server: Running) -> Iterator[httpx.Client]:
    with server.client() as opened:
        yield opened


def test_search_gives_what_the_library_finds(client: httpx.Client, server: Running) -> None:
    said = client.post("/search", json={"query": "dissolved oxygen", "k": 3, "by_document": True}).json()
    with Rag.open(server.home) as rag:
        expected = rag.search("dissolved oxygen", 3, by_document=True)
    assert [hit["chunk_id"] for hit in said["hits"]] == [hit.chunk_id for hit in expected.hits]
    assert said["hits"][0]["text"] == expected.hits[0].text
    assert said["relevance"] == pytest.approx(expected.relevance)
    assert said["plan"]


def test_search_takes_options(client: httpx.Client) -> None:
    asked = {
        "query": "dissolved oxygen",
        "mode": "keyword",
        "filter": ["media_type=text/markdown"],
        "explain": True,
    }
    hits = client.post("/search", json=asked).json()["hits"]
    assert hits[0]["explanation"]["keyword"] > 0
    none = client.post("/search", json={**asked, "filter": {"media_type": "text/none"}}).json()
    assert none["hits"] == []
    wrong = client.post("/search", json={**asked, "technique": ["nosuch"]})
    assert (wrong.status_code, "nosuch" in wrong.json()["error"]["message"]) == (400, True)


def test_ask_answers_with_quotes_that_stand_in_the_text(client: httpx.Client) -> None:
    said = client.post("/ask", json={"question": QUESTION, "style": "extract"}).json()
    assert not said["abstained"], said
    cited = said["citations"][0]
    text = client.get(f"/documents/{cited['document_id']}/text").json()["text"]
    assert text[cited["start"] : cited["end"]] == cited["quote"]
    around = client.get(
        f"/documents/{cited['document_id']}/excerpt", params={"start": cited["start"], "end": cited["end"]}
    ).json()
    first, last = around["marked"][0]
    assert around["text"][first:last] == cited["quote"]
    kept = client.post("/feedback", json={"rating": 1, "question": QUESTION, "answered": said})
    assert kept.status_code == 201, kept.text


def test_documents_are_listed_page_by_page(client: httpx.Client) -> None:
    (info,) = client.get("/collections").json()["collections"]
    first = client.get("/documents", params={"most": 2}).json()
    rest = client.get("/documents", params={"most": 2, "first": first["next"]}).json()
    assert len(first["documents"]) + len(rest["documents"]) == info["documents"]
    assert rest["next"] is None
    one = first["documents"][0]
    assert client.get(f"/documents/{one['id']}").json() == one
    found = client.get("/documents", params={"words": Path(one["uri"]).name}).json()["documents"]
    assert [each["id"] for each in found] == [one["id"]]


def test_what_is_uploaded_is_found_and_forgotten_with_proof(open_server: OpenServer) -> None:
    client = open_server().client
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("notes/red.txt", "The red buoy marks the shoal of Kessel Bank.")
    files = [
        ("files", ("green.txt", b"The green buoy marks the channel to Port Amber.")),
        ("files", ("buoys.zip", packed.getvalue())),
    ]
    uploaded = client.post("/uploads", files=files)
    assert uploaded.status_code == 202, uploaded.text
    job = finished(client, uploaded.json()["job"])
    assert (job["state"], job["report"]["added"]) == ("done", 2), job
    assert [each["id"] for each in client.get("/jobs").json()["jobs"]] == [job["id"]]
    (hit, *_) = client.post("/search", json={"query": "red buoy"}).json()["hits"]
    assert "Kessel Bank" in hit["text"]
    gone = client.delete(f"/documents/{hit['document_id']}").json()
    assert (len(gone["forgotten"]), gone["proof"]["found"]) == (1, [])
    assert client.get(f"/documents/{hit['document_id']}").status_code == 404
    assert len(client.get("/documents").json()["documents"]) == 1
    synced = client.post("/sync", json={"dry_run": True})
    assert (synced.status_code, finished(client, synced.json())["state"]) == (202, "done")


def test_files_of_the_machine_are_ingested_and_a_job_can_be_cancelled(
    open_server: OpenServer, tmp_path: Path
) -> None:
    inside = open_server()
    (tmp_path / "lamp.txt").write_text("The lamp is lit at dusk.")
    done = finished(
        inside.client, inside.client.post("/ingest", json={"paths": [str(tmp_path / "lamp.txt")]}).json()
    )
    assert done["report"]["added"] == 1
    inside.service.jobs.stop()
    waiting = inside.client.post("/ingest", json={"paths": [str(tmp_path)]}).json()
    assert inside.client.delete(f"/jobs/{waiting['id']}").json()["state"] == "cancelled"


def test_pages_are_pictures(open_server: OpenServer) -> None:
    client = open_server().client
    pdf = (HARBOUR / "operations-handbook.pdf").read_bytes()
    job = client.post("/uploads", files={"files": ("handbook.pdf", pdf)}).json()["job"]
    assert finished(client, job)["report"]["added"] == 1
    (document,) = client.get("/documents").json()["documents"]
    picture = client.get(f"/documents/{document['id']}/pages/1", params={"quote": "harbour", "width": 300})
    assert picture.headers["content-type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG")
    assert client.get(f"/documents/{document['id']}/pages/999").status_code == 422


def test_conversations_are_kept_and_gone_on_with(client: httpx.Client) -> None:
    made = client.post("/conversations", json={"title": "Berths"}).json()
    here = f"/conversations/{made['id']}"
    turn = client.post(f"{here}/ask", json={"question": QUESTION, "style": "extract"}).json()
    assert (turn["state"], turn["role"]) == ("done", "assistant")
    events, values = [], []
    asked = {"question": NEXT, "style": "extract", "stream": True}
    with client.stream("POST", f"{here}/ask", json=asked) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        for line in response.iter_lines():
            name, _, value = line.partition(": ")
            events += [value] if name == "event" else []
            values += [json.loads(value)] if name == "data" else []
    assert events[-1] == "turn"
    assert (values[-1]["state"], values[-1]["number"]) == ("done", 4)
    whole = client.get(here).json()
    assert [each["role"] for each in whole["turns"]] == ["user", "assistant"] * 2
    judged = {"rating": -1, "comment": "too short", "conversation": made["id"], "turn": turn["id"]}
    assert client.post("/feedback", json=judged).status_code == 201
    assert client.get(here).json()["turns"][1]["details"]["judged"]["rating"] == -1
    assert client.patch(here, json={"title": "Quays"}).json()["title"] == "Quays"
    assert [one["id"] for one in client.get("/conversations?words=quays").json()["conversations"]] == [
        made["id"]
    ]
    exported = client.get(f"{here}/export")
    assert exported.headers["content-disposition"].startswith('attachment; filename="Quays.md"')
    assert exported.text.startswith("# Quays")
    assert client.get(f"{here}/export?form=json").json()["turns"][0]["content"] == QUESTION
    assert client.delete(here).status_code == 204
    assert client.get(here).status_code == 404
