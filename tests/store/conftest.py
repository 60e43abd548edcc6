from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ragent.store import Collection, Store
from tests.making import FINGERPRINT


@pytest.fixture
def store(tmp_path: Path, store_url: str) -> Iterator[Store]:
    with Store.open(tmp_path / "home", store_url) as opened:
        yield opened


@pytest.fixture
def collection(store: Store) -> Collection:
    return store.ensure_collection("default", FINGERPRINT)
