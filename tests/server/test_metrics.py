from __future__ import annotations

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.server.conftest import Inside, OpenServer


def counted(inside: Inside, **headers: str) -> dict[tuple[str, ...], float]:
    """Every sample, by its name and the values of its labels."""
    answer = inside.client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_counts_requests_by_the_routes_they_took(open_server: OpenServer) -> None:
    inside = open_server()
    for path in ("/v1/models/minilm", "/v1/models/none", "/a", "/b"):
        inside.client.get(path)
    found = counted(inside)
    assert found["ragent_requests_total", "GET", "/v1/models/{name:path}", "200"] == 1
    assert found["ragent_requests_total", "GET", "/v1/models/{name:path}", "404"] == 1
    assert found["ragent_requests_total", "any", "none", "404"] == 2
    assert found["ragent_request_seconds_count", "/v1/models/{name:path}"] == 2


def test_tells_what_waits_and_how_much_memory_there_is(open_server: OpenServer) -> None:
    found = counted(open_server())
    assert found["ragent_waiting_answers",] == 0
    assert found["ragent_open_jobs",] == 0
    assert found["ragent_memory_bytes",] > 1e6


def test_counts_answers_and_tokens(home: Path, open_server: OpenServer) -> None:
    inside = open_server(home)
    for question in ("When was the harbour founded?", "Which enzymes digest lactose?"):
        body = {
            "model": "ragent",
            "messages": [{"role": "user", "content": question}],
            "ragent": {"style": "extract"},
        }
        assert inside.client.post("/v1/chat/completions", json=body).status_code == 200
    found = counted(inside)
    assert found["ragent_answers_total", "documents", "answered"] == 1
    assert found["ragent_answers_total", "documents", "abstained"] == 1


def test_needs_a_key_where_people_sign_in(open_server: OpenServer) -> None:
    inside = open_server(sign_in="password")
    assert inside.client.get("/metrics").status_code == 401
    key = inside.service.people.make_key("prometheus", "", "reader")
    assert counted(inside, Authorization=f"Bearer {key}")
