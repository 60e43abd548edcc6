from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragent.errors import StoreError
from tests.server.conftest import Inside, OpenServer

CHAT = "/v1/chat/completions"


@pytest.fixture
def small(open_server: OpenServer) -> Inside:
    """A server that takes 1 KB."""
    return open_server(body_mb=1 / 1024)


def test_refuses_a_body_that_says_it_is_too_large(small: Inside) -> None:
    answer = small.client.post(CHAT, content=b" " * 2000)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too_large"


def test_refuses_a_body_that_turns_out_too_large(small: Inside) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(40):
            yield b" " * 100

    assert small.client.post(CHAT, content=pieces()).status_code == 413


@pytest.mark.parametrize("length", ["-1", "x", "1e9", "9" * 400])
def test_refuses_lengths_that_are_none(small: Inside, length: str) -> None:
    answer = small.client.post(CHAT, content=b"{}", headers={"Content-Length": length})
    assert answer.status_code in {400, 413}


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "localhost.evil.example", "", "a@localhost"]
)
def test_is_reached_by_its_own_name_alone(open_server: OpenServer, host: str) -> None:
    inside = open_server()
    answer = inside.client.get("/health", headers={"Host": host})
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "wrong_host"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:9", "[::1]:8000", "box.lan"])
def test_is_reached_by_names_of_this_machine_and_the_settings(open_server: OpenServer, host: str) -> None:
    inside = open_server(names=["box.lan"])
    assert inside.client.get("/health", headers={"Host": host}).status_code == 200


def test_any_name_leads_to_what_listens_for_others(open_server: OpenServer) -> None:
    inside = open_server(host="0.0.0.0", sign_in="password")
    assert inside.client.get("/health", headers={"Host": "anything.example"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://localhost@evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_pages_of_other_sites_get_nothing(open_server: OpenServer, headers: dict[str, str]) -> None:
    answer = open_server().client.get("/health", headers=headers)
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_page_of_its_own_may_ask(open_server: OpenServer) -> None:
    headers = {"Host": "localhost:8000", "Origin": "http://localhost:8000"}
    assert open_server().client.get("/health", headers=headers).status_code == 200


def test_a_page_behind_a_proxy_may_ask_where_the_settings_name_it(open_server: OpenServer) -> None:
    headers = {"Origin": "https://box.lan:8443"}
    assert open_server(names=["Box.lan"]).client.get("/health", headers=headers).status_code == 200


def test_keeps_a_request_id_that_is_one(open_server: OpenServer) -> None:
    client = open_server().client
    assert client.get("/health", headers={"X-Request-ID": "a.b_c-9"}).headers["X-Request-ID"] == "a.b_c-9"
    for wrong in ("", "a b", "x" * 65, "<script>"):
        made = client.get("/health", headers={"X-Request-ID": wrong}).headers["X-Request-ID"]
        assert made != wrong
        assert len(made) == 32


def test_answers_are_not_sniffed_framed_or_kept(open_server: OpenServer) -> None:
    headers = open_server().client.get("/health").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "Server" not in headers


def test_what_breaks_within_is_not_told(
    open_server: OpenServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    inside = open_server()

    def broken() -> None:
        raise StoreError("/home/somebody/secret.db is gone")

    def buggy() -> None:
        raise ZeroDivisionError("at /home/somebody")

    for failure in (broken, buggy):
        monkeypatch.setattr(inside.service.store, "reading", failure)
        answer = inside.client.get("/v1/models", headers={"X-Request-ID": failure.__name__})
        assert answer.status_code == 500
        assert "somebody" not in answer.text
        assert answer.json()["error"]["request_id"] == failure.__name__
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert f"request {failure.__name__} failed" in caplog.text


def test_where_files_are_is_not_told(open_server: OpenServer, tmp_path: Path) -> None:
    inside = open_server(llm={"model": str(tmp_path / "missing.gguf")})
    told = [inside.client.get("/v1/models")]
    body = {"model": "missing", "messages": [{"role": "user", "content": "Hi"}]}
    told.append(inside.client.post(CHAT, json=body))
    assert [answer.status_code for answer in told] == [200, 503]
    assert told[1].json()["error"]["message"] == "the language model isn't there"
    assert not any(str(tmp_path) in answer.text for answer in told)


def test_unknown_places_and_methods_are_told_in_the_same_shape(open_server: OpenServer) -> None:
    client = open_server().client
    for answer, status in ((client.get("/nowhere"), 404), (client.delete("/v1/models"), 405)):
        assert answer.status_code == status
        assert answer.json()["error"]["type"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = ("model", "messages", "tools", "tool_choice", "response_format", "ragent", "stop", "prompt")
FIELDS = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, JSON))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([CHAT, "/v1/completions", "/v1/embeddings"]), FIELDS | JSON)
def test_nothing_that_is_sent_breaks_it(shared: Inside, path: str, content: object) -> None:
    headers = {"Content-Type": "application/json"}
    answer = shared.client.post(path, content=json.dumps(content), headers=headers)
    assert answer.status_code < 500
    assert answer.json()["error"]["message"]


@pytest.fixture
def shared(open_server: OpenServer) -> Inside:
    return open_server(requests_a_minute=100_000)


@pytest.mark.parametrize("content", [b"[" * 100_000, b"{", b"\xff\xfe", b'{"model": "\\ud800"}', b"NaN"])
def test_refuses_what_is_no_json(open_server: OpenServer, content: bytes) -> None:
    answer = open_server().client.post(CHAT, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


def test_says_how_json_is_sent(open_server: OpenServer) -> None:
    told = open_server().client.post(CHAT, data={"model": "ragent"}).json()["error"]
    assert "Content-Type: application/json" in told["hint"]
