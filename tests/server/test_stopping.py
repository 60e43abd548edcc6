"""Clients that hang up, and a server that ends, while answers are being written."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.server.conftest import PATIENCE, Running, running

PLAIN = "smollm2-135m"


def long_answer(**more: object) -> dict[str, object]:
    messages = [{"role": "user", "content": "Tell a long story about the sea."}]
    return {"model": PLAIN, "messages": messages, "stream": True, **more}


def test_hanging_up_frees_the_turn_for_others(home: Path) -> None:
    # One answer at a time: the second one comes only if the first was given up.
    config = "[server]\nanswers_at_once = 1\n[llm]\nmax_tokens = 4000\n"
    with running(home, config=config) as started, started.client() as client:
        with client.stream("POST", "/v1/chat/completions", json=long_answer()) as answer:
            assert answer.status_code == 200
            next(answer.iter_lines())
        with pytest.raises(httpx.ReadTimeout):
            client.post("/v1/chat/completions", json=long_answer(stream=False), timeout=1.5)
        made = client.post("/v1/chat/completions", json=long_answer(stream=False, max_tokens=2))
        assert made.json()["usage"]["completion_tokens"] <= 2


def test_a_stream_in_flight_is_finished_before_the_end(home: Path) -> None:
    with running(home) as started:
        with (
            started.client() as client,
            client.stream("POST", "/v1/chat/completions", json=long_answer(max_tokens=24)) as answer,
        ):
            lines = answer.iter_lines()
            said = [next(lines)]
            started.process.send_signal(signal.SIGTERM)
            said += list(lines)
        events = [line.removeprefix("data: ") for line in said if line]
        assert events[-1] == "[DONE]"
        assert json.loads(events[-2])["choices"][0]["finish_reason"] == "length"
        assert started.process.wait(PATIENCE) == 0


def test_a_stream_that_takes_too_long_is_told_so(home: Path) -> None:
    with running(home, config="[server]\ngrace_seconds = 1\n[llm]\nmax_tokens = 4000\n") as started:
        with (
            started.client() as client,
            client.stream("POST", "/v1/chat/completions", json=long_answer()) as answer,
        ):
            lines = answer.iter_lines()
            next(lines)
            started.process.send_signal(signal.SIGTERM)
            events = [line.removeprefix("data: ") for line in lines if line]
        told = json.loads(events[-1])["error"]
        assert told["message"] == "the server is ending"
        assert started.process.wait(PATIENCE) == 0


def test_goes_on_after_it_was_killed(home: Path) -> None:
    with running(home) as started:
        started.end(signal.SIGKILL)
    with running(home) as started, started.client() as client:
        assert client.get("/health/ready").json()["database"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_listens_for_others_only_where_they_sign_in_or_it_is_said(tmp_path: Path, host: str) -> None:
    command = [sys.executable, "-m", "ragent.cli", "--home", str(tmp_path), "serve", "--host", host]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "--insecure" in ran.stderr


def test_says_when_the_port_is_taken(server: Running, tmp_path: Path) -> None:
    port = server.url.rsplit(":", 1)[1]
    command = [sys.executable, "-m", "ragent.cli", "--home", str(tmp_path), "serve", "--port", port]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "choose another --port" in ran.stderr
