from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragent.config import load_settings
from ragent.service import Caller, Service, Session
from ragent.service.jobs import Job

PASSWORD = "a long password"


@pytest.fixture
def service(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Service]:
    """A home in which people sign in: ada is an admin, ed (by PASSWORD) and rob editors, rita a reader.

    It is over both databases in turn for modules that use `store_url`.
    """
    url = request.getfixturevalue("store_url") if "store_url" in request.fixturenames else ""
    settings = load_settings(None, server={"sign_in": "password"}, ingest={"readers": 1}, store={"url": url})
    opened = Service.open(tmp_path / "home", settings)
    opened.people.add("ada", "admin")
    opened.people.add("ed", "editor", PASSWORD)
    opened.people.add("rita", "reader")
    opened.people.add("rob", "editor")
    yield opened
    opened.close()


@pytest.fixture
def ada(service: Service) -> Session:
    return service.session(Caller("ada", "admin"))


@pytest.fixture
def ed(service: Service) -> Session:
    return service.session(Caller("ed", "editor"))


@pytest.fixture
def rob(service: Service) -> Session:
    return service.session(Caller("rob", "editor"))


@pytest.fixture
def rita(service: Service) -> Session:
    return service.session(Caller("rita", "reader"))


def finished(session: Session, job: Job, seconds: float = 60) -> Job:
    """The job once it is over."""
    deadline = time.monotonic() + seconds
    while not (now := session.job(job.id)).is_over:
        assert time.monotonic() < deadline, now
        time.sleep(0.05)
    return now


def bring_in(session: Session, collection: str, name: str, text: str) -> int:
    """Upload and ingest a text; the document's id."""
    path, failed = session.upload(collection, name, [text.encode()])
    assert not failed
    assert finished(session, session.ingest(collection, [str(path)])).state == "done"
    (document,) = session.documents.list(collection, words=name)
    return document.id
