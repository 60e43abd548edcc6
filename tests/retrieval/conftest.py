from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ragent.store import Collection, Store
from tests.making import FINGERPRINT, new_document

Write = Callable[..., None]


@pytest.fixture
def store(tmp_path: Path, store_url: str) -> Iterator[Store]:
    with Store.open(tmp_path / "home", store_url) as opened:
        yield opened


@pytest.fixture
def collection(store: Store) -> Collection:
    return store.ensure_collection("default", FINGERPRINT)


@pytest.fixture
def write(store: Store, collection: Collection) -> Write:
    """Write documents, given as uri=text, in one commit; a `|` begins another chunk."""

    def write(**texts: str) -> None:
        store.write(collection, [new_document(uri, text.split("|")) for uri, text in texts.items()])

    return write
