from __future__ import annotations

from pathlib import Path

import pytest

from tests.server.conftest import OpenServer, running

TEXTS = ["Tax law of 1999.", "A boat lies in the harbour.", "Ships moor at the quay."]
ASKED = {"query": "Where are ships?", "documents": TEXTS}


def test_ranks_texts(open_server: OpenServer) -> None:
    made = open_server().client.post("/v1/rerank", json=ASKED).json()
    scores = [one["relevance_score"] for one in made["results"]]
    assert sorted(one["index"] for one in made["results"]) == [0, 1, 2]
    assert made["results"][-1]["index"] == 0
    assert scores == sorted(scores, reverse=True)
    assert made["ranked_by"] == ["minilm"]
    assert "document" not in made["results"][0]


def test_gives_the_best_with_their_texts(open_server: OpenServer) -> None:
    documents = [{"text": text} for text in TEXTS]
    body = {**ASKED, "documents": documents, "top_n": 1, "return_documents": True, "model": "minilm"}
    (best,) = open_server().client.post("/v1/rerank", json=body).json()["results"]
    assert best["document"]["text"] == TEXTS[best["index"]]


def test_reads_a_long_text_in_windows(open_server: OpenServer) -> None:
    long = " ".join(["The law says nothing of this."] * 200) + " Ships moor at the quay."
    body = {**ASKED, "documents": ["A cat sleeps.", long]}
    made = open_server().client.post("/v1/rerank", json=body).json()
    assert [one["index"] for one in made["results"]] == [1, 0]


def test_goes_through_the_rerankers_of_the_settings(home: Path) -> None:
    with running(home, config='[retrieval]\nrerank = ["maxsim"]\n') as started, started.client() as client:
        made = client.post("/v1/rerank", json=ASKED).json()
        assert made["ranked_by"] == ["minilm", "maxsim"]
        assert sorted(one["index"] for one in made["results"]) == [0, 1, 2]
        assert client.post("/v1/rerank", json={**ASKED, "collection": "none"}).status_code == 404


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("model", "gpt", 404),
        ("documents", [], 400),
        ("documents", [""], 400),
        ("query", " ", 400),
        ("top_n", 0, 400),
        ("speed", 1, 400),
    ],
)
def test_refuses_what_it_does_not_understand(
    open_server: OpenServer, name: str, value: object, status: int
) -> None:
    answer = open_server().client.post("/v1/rerank", json={**ASKED, name: value})
    assert answer.status_code == status
    assert answer.json()["error"]["param"].split(".")[0] == name
