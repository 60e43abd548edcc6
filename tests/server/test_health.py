from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.server.conftest import OpenServer, Running, running


def test_tells_that_it_lives_and_when_it_is_ready(server: Running) -> None:
    with server.client() as client:
        assert client.get("/health").json() == {"status": "ok"}
        ready = client.get("/health/ready").json()
    assert ready["database"] is True
    assert ready["status"] in {"ok", "loading"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_in_good_order(home: Path, number: signal.Signals) -> None:
    # While models load, too: no thread of theirs may bring the process down.
    with running(home) as started:
        assert started.end(number) == 0


def test_needs_nobody_to_sign_in_for_its_health(open_server: OpenServer) -> None:
    inside = open_server(sign_in="password")
    assert inside.client.get("/health").status_code == 200
    assert inside.client.get("/health/ready").status_code == 200
