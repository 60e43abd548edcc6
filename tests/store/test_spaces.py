from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from ragent.errors import StoreError
from ragent.store import Collection, Store, spaces
from ragent.store.vectors import encode
from ragent.types import Fingerprint
from tests.making import DIMENSION, FINGERPRINT, new_document

OTHER = replace(FINGERPRINT, model="other")


@pytest.fixture
def chunks(store: Store, collection: Collection) -> list[int]:
    store.write(collection, [new_document(f"file:///{i}", [f"fish {i}", f"boat {i}"]) for i in range(3)])
    return store.chunks_of([document.id for document in store.known_documents(collection.id).values()])


def begin(store: Store, collection: Collection, fingerprint: Fingerprint = OTHER) -> int:
    with store.writing() as connection:
        return spaces.begin_space(connection, collection.id, fingerprint)


def add(store: Store, collection: Collection, space_id: int, chunk_ids: Sequence[int]) -> int:
    unit = np.eye(DIMENSION, dtype=np.float32)[0]
    made = dict(zip(chunk_ids, encode(np.tile(unit, (len(chunk_ids), 1))), strict=True))
    with store.writing() as connection:
        return spaces.add_vectors(connection, collection.id, space_id, made)


def lacking(
    store: Store, collection: Collection, space_id: int, after: int = 0, most: int = 1000
) -> list[int]:
    with store.reading() as connection:
        found = spaces.unembedded(connection, collection.id, space_id, after=after, most=most)
    return [chunk.chunk_id for chunk in found]


def take_over(store: Store, collection: Collection, space_id: int) -> bool:
    with store.writing() as connection:
        return spaces.take_over(connection, collection.id, space_id)


def test_a_space_fills_beside_the_one_in_use(store: Store, collection: Collection, chunks: list[int]) -> None:
    space = begin(store, collection)
    assert begin(store, collection) == space
    assert lacking(store, collection, space) == chunks
    assert lacking(store, collection, space, after=chunks[1], most=2) == chunks[2:4]
    assert add(store, collection, space, chunks[:4]) == 4
    assert lacking(store, collection, space) == chunks[4:]
    with store.reading() as connection:
        assert spaces.count_vectors(connection, space) == 4
    assert store.find_collection("default") == replace(collection, generation=1)
    assert store.check() == []


def test_it_takes_over_only_when_it_is_full(store: Store, collection: Collection, chunks: list[int]) -> None:
    space = begin(store, collection)
    add(store, collection, space, chunks)
    store.write(collection, [new_document("file:///late", ["late"])])
    assert not take_over(store, collection, space)
    assert store.find_collection("default") == replace(collection, generation=2)
    add(store, collection, space, lacking(store, collection, space))
    assert take_over(store, collection, space)
    assert store.find_collection("default") == replace(
        collection, generation=3, space_id=space, fingerprint=OTHER
    )
    with store.reading() as connection:
        assert spaces.count_vectors(connection, collection.space_id or 0) == 0
    assert store.check() == []


def test_vectors_of_chunks_that_went_or_have_one_are_left_out(
    store: Store, collection: Collection, chunks: list[int]
) -> None:
    space = begin(store, collection)
    add(store, collection, space, chunks[:1])
    store.remove(collection, [store.known_documents(collection.id)["file:///2"].id])
    assert add(store, collection, space, chunks) == 3
    assert add(store, collection, space, []) == 0
    assert take_over(store, collection, space)


def test_vectors_go_with_their_chunks(store: Store, collection: Collection, chunks: list[int]) -> None:
    space = begin(store, collection)
    add(store, collection, space, chunks)
    store.remove(collection, [store.known_documents(collection.id)["file:///0"].id])
    with store.reading() as connection:
        assert spaces.count_vectors(connection, space) == 4


def test_one_of_another_model_takes_its_place(
    store: Store, collection: Collection, chunks: list[int]
) -> None:
    first = begin(store, collection)
    add(store, collection, first, chunks)
    second = begin(store, collection, replace(OTHER, revision="2"))
    assert second != first
    with pytest.raises(StoreError, match="abandoned"):
        add(store, collection, first, chunks)
    with pytest.raises(StoreError, match="abandoned"):
        take_over(store, collection, first)
    with store.writing() as connection:
        assert spaces.drop_unfinished(connection, collection.id) == 0
    assert store.find_collection("default") == replace(collection, generation=1)


def test_other_collections_are_left_alone(store: Store, collection: Collection, chunks: list[int]) -> None:
    law = store.ensure_collection("law", FINGERPRINT)
    store.write(law, [new_document("file:///law", ["a law"])])
    space, other = begin(store, collection), begin(store, law)
    assert len(lacking(store, law, other)) == 1
    add(store, law, other, chunks)
    assert len(lacking(store, law, other)) == 1
    add(store, collection, space, chunks)
    assert take_over(store, collection, space)
    assert store.find_collection("law") == replace(law, generation=1)
    assert begin(store, law) == other


def test_who_holds_a_replaced_space_is_told(store: Store, collection: Collection, chunks: list[int]) -> None:
    space = begin(store, collection)
    with store.reading() as connection:
        spaces.require_active(connection, collection.space_id or 0)
        with pytest.raises(StoreError, match="embedded anew"):
            spaces.require_active(connection, space)
