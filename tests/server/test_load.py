"""Many at once, and the end without warning in the middle of it."""

from __future__ import annotations

import json
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from ragent.service.people import People
from ragent.store import Store
from tests.commands import run_command
from tests.server.conftest import PATIENCE, running
from tests.server.jobs import finished
from tests.server.test_endpoints import QUESTION

SIGN_IN = '[server]\nsign_in = "password"\nanswers_at_once = 2\n[ask]\nstyle = "extract"\n'
PEOPLE = 10
GREEDY = 15


def keys_of(home: Path, names: list[str]) -> list[str]:
    store = Store.open(home)
    people = People(store)
    keys = []
    for name in names:
        people.add(name, "editor")
        keys.append(people.make_key("load", name, "editor"))
    store.close()
    return keys


@pytest.mark.slow
def test_nobody_starves_while_one_asks_for_many(home: Path) -> None:
    greedy, *others = keys_of(home, [f"user{number}" for number in range(PEOPLE)])
    ended: list[str] = []
    lock = threading.Lock()
    with running(home, config=SIGN_IN) as started, started.client() as client:

        def ask(key: str) -> int:
            headers = {"Authorization": f"Bearer {key}"}
            answer = client.post("/ask", json={"question": QUESTION}, headers=headers)
            with lock:
                ended.append(key)
            return answer.status_code

        def search(key: str) -> int:
            headers = {"Authorization": f"Bearer {key}"}
            return client.post("/search", json={"query": "oxygen"}, headers=headers).status_code

        assert ask(greedy) == 200  # loads what it needs
        ended.clear()
        with ThreadPoolExecutor(GREEDY + 3 * PEOPLE) as pool:
            many = [pool.submit(ask, greedy) for _ in range(GREEDY)]
            one_each = [pool.submit(ask, key) for key in others]
            searches = [pool.submit(search, key) for key in others * 2]
            assert {each.result() for each in (*many, *one_each, *searches)} == {200}
    assert len(ended) == GREEDY + len(others)
    # Turns go round: whoever asked once waits for one answer of each other, not for all of somebody's.
    assert ended[-1] == greedy


class _Working:
    """Sends uploads and questions until the server is gone, and remembers what was confirmed."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.jobs: list[dict[str, Any]] = []
        self.turns: list[tuple[str, str]] = []
        self.talk = client.post("/conversations", json={}).json()["id"]

    def upload(self) -> None:
        with suppress(httpx.TransportError):
            for number in range(10_000):
                text = f"Buoy {number} marks shoal {number}. " * 40
                files = [("files", (f"buoy-{number}-{part}.txt", f"{part}. {text}")) for part in range(5)]
                answer = self.client.post("/uploads", files=files)
                if answer.status_code == 202:
                    self.jobs.append(answer.json()["job"])
                time.sleep(0.5)

    def ask(self) -> None:
        with suppress(httpx.TransportError):
            for _ in range(10_000):
                asked = {"question": QUESTION, "style": "extract"}
                answer = self.client.post(f"/conversations/{self.talk}/ask", json=asked)
                if answer.status_code == 200:
                    self.turns.append((answer.json()["id"], answer.json()["content"]))

    @property
    def is_under_way(self) -> bool:
        return len(self.jobs) > 3 and len(self.turns) > 2


@pytest.mark.slow
def test_what_was_confirmed_outlasts_a_kill_under_load(home: Path) -> None:
    with running(home) as started, started.client() as client:
        working = _Working(client)
        threads = [threading.Thread(target=run) for run in (working.upload, working.upload, working.ask)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + PATIENCE
        while not working.is_under_way and time.monotonic() < deadline:
            time.sleep(0.02)
        started.end(signal.SIGKILL)
        for thread in threads:
            thread.join(PATIENCE)
    assert working.is_under_way
    _is_sound(home)
    with running(home) as again, again.client() as client:
        _all_is_there(client, working)
        asked = {"question": QUESTION, "style": "extract"}
        turn = client.post(f"/conversations/{working.talk}/ask", json=asked).json()
        assert turn["state"] == "done"
    _is_sound(home)


def _all_is_there(client: httpx.Client, working: _Working) -> None:
    for job in working.jobs:
        assert finished(client, job, PATIENCE)["state"] == "done"
    # Both threads upload under the same names: what is there twice was unchanged the second time.
    names = {Path(one["uri"]).name for one in client.get("/documents?most=500").json()["documents"]}
    rounds = {number for name in names if name.startswith("buoy-") for number in [name.split("-")[1]]}
    assert len(rounds) >= (len(working.jobs) + 1) // 2
    assert all(f"buoy-{number}-{part}.txt" in names for number in rounds for part in range(5))
    kept = client.get(f"/conversations/{working.talk}").json()["turns"]
    assert {(turn["id"], turn["content"]) for turn in kept} >= set(working.turns)
    assert {turn["state"] for turn in kept} <= {"done", "stopped"}


def _is_sound(home: Path) -> None:
    checked = run_command("--home", home, "fsck", "--json")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert json.loads(checked.stdout)["problems"] == []
