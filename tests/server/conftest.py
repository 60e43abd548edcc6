from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import httpx
import pytest
from starlette.testclient import TestClient

from ragent.config import load_settings
from ragent.rag import Rag
from ragent.server import make_app
from ragent.service import Service
from tests.server.two_people import TwoPeople, two_people

HARBOUR = Path(__file__).parents[2] / "evals" / "sets" / "harbour" / "documents"
PATIENCE = 90.0
"""Seconds to wait for what must come; never how fast it has to be."""


@dataclass(frozen=True)
class Running:
    """A server in a process of its own."""

    url: str
    home: Path
    process: subprocess.Popen[str]

    def client(self, **headers: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=PATIENCE, headers=headers, trust_env=False)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def running(home: Path, *arguments: str, config: str = "") -> Iterator[Running]:
    """`ragent serve` over a home, as a user would start it."""
    home.mkdir(parents=True, exist_ok=True)
    if config:
        (home / "ragent.toml").write_text(config)
    command = [sys.executable, "-m", "ragent.cli", "--home", str(home), "serve", "--port", "0", *arguments]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAGENT_")}
    process = subprocess.Popen(
        command, cwd=home.parent, env=kept | {"OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        said = []
        for line in process.stderr:
            said.append(line)
            if found := re.search(r"listening on (http://\S+)", line):
                break
        else:
            raise AssertionError("".join(said))
        Thread(target=process.stderr.read, daemon=True).start()
        yield Running(found[1], home, process)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(PATIENCE)
        process.stderr.close()


@pytest.fixture(scope="session")
def harbour_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that holds three of the sample documents: copy it before changing anything in it."""
    folder = tmp_path_factory.mktemp("server")
    home = folder / "home"
    with Rag.open(home) as rag:
        rag.ingest(*sorted(HARBOUR.glob("*.md"))[:3])
    return home


@pytest.fixture
def home(harbour_home: Path, tmp_path: Path) -> Path:
    """A copy of it to change."""
    return Path(shutil.copytree(harbour_home, tmp_path / "home"))


@pytest.fixture(scope="session")
def server(harbour_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The real server over the sample documents, shared by all tests that only read."""
    home = tmp_path_factory.mktemp("shared") / "home"
    shutil.copytree(harbour_home, home)
    with running(home) as started:
        yield started


@pytest.fixture(scope="session")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoPeople]:
    """A home of two people. What edna has stays as it is."""
    with two_people(tmp_path_factory.mktemp("two") / "home") as opened:
        yield opened


@dataclass(frozen=True)
class Inside:
    """The server within this process: its home, and a client that reaches it."""

    service: Service
    client: TestClient


OpenServer = Callable[..., Inside]


@pytest.fixture
def open_server(tmp_path: Path) -> Iterator[OpenServer]:
    """Opens the server within this process, over a fresh home or the given one.

    Keywords are `[server]`; `llm` is `[llm]`.
    """
    opened: list[Inside] = []

    def open_(home: Path | None = None, llm: Mapping[str, object] | None = None, **server: object) -> Inside:
        settings = load_settings(None, server=server, llm=llm or {}, ingest={"readers": 1})
        service = Service.open(home or tmp_path / "fresh", settings)
        client = TestClient(make_app(service), base_url="http://localhost", raise_server_exceptions=True)
        opened.append(Inside(service, client))
        return opened[-1]

    yield open_
    for one in opened:
        one.client.close()
        one.service.close()
