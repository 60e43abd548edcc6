"""Many collections in one home: `MANY_COLLECTIONS=1000` makes as many as that."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ragent.config import load_settings
from ragent.service import Caller, Service
from ragent.service.session import CollectionInfo
from ragent.store import NewDocument
from ragent.types import Chunk, Document

COUNT = int(os.environ.get("MANY_COLLECTIONS", "24"))
MOST = 4
NAMES = [f"tenant{i}" for i in range(COUNT)]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Each collection holds one document, which says whose it is, beside a random vector."""
    made = load_settings(None, server={"open_collections": MOST, "sign_in": "password"})
    opened = Service.open(tmp_path_factory.mktemp("many") / "home", made)
    opened.people.add("ada", "admin")
    opened.people.add("ed", "editor")
    fingerprint = opened.root.embedder.fingerprint
    vectors = np.random.default_rng(0).standard_normal((COUNT, fingerprint.dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for name, vector in zip(NAMES, vectors, strict=True):
        text = f"The safe of {name} is behind the chart"
        whole = Document(f"{name}.txt", "", text, "text/plain")
        new = NewDocument(whole, "1", name, (Chunk(0, len(text), text, "", 8),), vector[None])
        opened.store.write(opened.store.ensure_collection(name, fingerprint), [new])
    yield opened
    opened.close()


def open_indexes(home: Path) -> int:
    """Of how many collections this process has files mapped."""
    folder = f"{home / 'indexes'}/"
    lines = Path("/proc/self/maps").read_text().splitlines()
    return len({line.partition(folder)[2].split("/")[0] for line in lines if folder in line})


def count(what: str) -> int:
    """Of this process: `fd`, its open files, or `task`, its threads."""
    return len(list(Path("/proc/self", what).iterdir()))


def settled_threads(most: int) -> int:
    """How many of the system's threads there are, once those that were told to end have ended."""
    deadline = time.monotonic() + 20
    while count("task") > most and time.monotonic() < deadline:
        time.sleep(0.05)
    return count("task")


def test_each_is_found_in_its_own_with_few_open(service: Service) -> None:
    ada = service.session(Caller("ada", "admin"))
    ada.search(NAMES[0], "safe", 3)
    files, threads = count("fd"), count("task")
    for name in NAMES * 2:
        assert [hit.uri for hit in ada.search(name, "safe chart", 3).hits] == [f"{name}.txt"]
        assert open_indexes(service.home) <= MOST
    assert count("fd") <= files + 2
    assert settled_threads(threads + MOST) <= threads + MOST


def test_many_who_ask_at_once_find_their_own(service: Service) -> None:
    wrong: list[object] = []

    def ask(first: int) -> None:
        session = service.session(Caller("ada", "admin"))
        try:
            for step in range(12):
                name = NAMES[(5 * first + step) % COUNT]
                if [hit.uri for hit in session.search(name, "safe", 3).hits] != [f"{name}.txt"]:
                    wrong.append(name)
        except Exception as error:  # for whoever waits for the thread
            wrong.append(error)

    askers = [threading.Thread(target=ask, args=(first,)) for first in range(2 * MOST)]
    for one in askers:
        one.start()
    for one in askers:
        one.join()
    assert not wrong


def test_everybody_is_told_of_their_own(service: Service) -> None:
    ada, ed = service.session(Caller("ada", "admin")), service.session(Caller("ed", "editor"))
    ada.share(NAMES[1], "ada", "admin")
    ed.claim("empty")
    assert [info for info in ada.collections() if info.name == NAMES[1]] == [
        CollectionInfo(NAMES[1], "admin", 1, 1)
    ]
    told = {info.name: info for info in ed.collections()}
    assert told.keys() == {*NAMES, "default", "empty"} - {NAMES[1]}
    assert told["empty"] == CollectionInfo("empty", "admin", 0, 0)
    assert told[NAMES[0]] == CollectionInfo(NAMES[0], "editor", 1, 1)


def test_the_home_is_sound(service: Service) -> None:
    assert service.root.fsck() == []
    assert open_indexes(service.home) <= MOST + 1
