from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ragent.errors import EmbedderMismatch, StoreError
from ragent.store import Collection, Store
from tests.databases import damage_by
from tests.making import FINGERPRINT, new_document


def live_texts(store: Store, collection: Collection) -> list[str]:
    with store.snapshot(collection) as snapshot:
        return [text.text for rows in snapshot.texts(0) for text in rows]


def test_what_is_written_comes_back(store: Store, collection: Collection) -> None:
    new = new_document("file:///a", ["one fish", "two fish"], title="Fish")
    store.write(collection, [new])
    found = store.passages(collection.id, [1, 2, 3])
    assert [found[i].text for i in (1, 2)] == ["one fish", "two fish"]
    assert 3 not in found
    assert found[2].start == 10
    assert store.document_text(found[1].document_id) == "one fish\n\ntwo fish"
    with store.snapshot(collection) as snapshot:
        ((ids, vectors),) = snapshot.vectors(0)
    assert ids.tolist() == [1, 2]
    np.testing.assert_allclose(vectors, new.vectors, atol=1e-3)


def test_replacing_a_document_buries_its_chunks_and_never_reuses_their_ids(
    store: Store, collection: Collection
) -> None:
    store.write(collection, [new_document("file:///a", ["old words"])])
    store.write(collection, [new_document("file:///a", ["new words"])])
    assert live_texts(store, collection) == ["new words"]
    assert store.passages(collection.id, [1]) == {}
    with store.snapshot(collection) as snapshot:
        assert snapshot.deleted(0).tolist() == [1]
        assert snapshot.live().tolist() == [2]
    assert store.check() == []


def test_a_removed_document_leaves_nothing_but_tombstones(store: Store, collection: Collection) -> None:
    store.write(collection, [new_document("file:///a", ["gone soon"]), new_document("file:///b", ["stays"])])
    store.remove(collection, [store.known_documents(collection.id)["file:///a"].id])
    counts = store.counts(collection.id)
    assert (counts.documents, counts.chunks, counts.tombstones) == (1, 1, 1)
    assert live_texts(store, collection) == ["stays"]
    assert store.check() == []


def test_a_snapshot_gives_what_is_later_than_a_generation(store: Store, collection: Collection) -> None:
    store.write(collection, [new_document("file:///a", ["first"])])
    before = store.generation(collection.id)
    store.write(collection, [new_document("file:///b", ["second"])])
    with store.snapshot(collection) as snapshot:
        assert [text.text for rows in snapshot.texts(before) for text in rows] == ["second"]
        assert snapshot.generation == before + 1


def test_a_snapshot_does_not_see_later_commits(store: Store, collection: Collection) -> None:
    store.write(collection, [new_document("file:///a", ["first"])])
    with store.snapshot(collection) as snapshot:
        store.write(collection, [new_document("file:///b", ["second"])])
        assert len(snapshot.live()) == 1


def test_two_collections_do_not_share(store: Store, collection: Collection) -> None:
    other = store.ensure_collection("other", FINGERPRINT)
    store.write(collection, [new_document("file:///a", ["mine"])])
    store.write(other, [new_document("file:///a", ["theirs"])])
    assert live_texts(store, collection) == ["mine"]
    assert live_texts(store, other) == ["theirs"]
    assert store.passages(collection.id, [2]) == {}


def test_threads_that_write_at_once_lose_nothing(store: Store, collection: Collection) -> None:
    def write(worker: int) -> None:
        for index in range(10):
            store.write(collection, [new_document(f"file:///{worker}/{index}", ["some words"])])

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.counts(collection.id).documents == 40
    assert store.generation(collection.id) == 40
    assert store.check() == []


def test_another_embedder_is_refused(store: Store, collection: Collection) -> None:
    with pytest.raises(EmbedderMismatch, match="was embedded by hashed-words"):
        store.ensure_collection("default", replace(FINGERPRINT, model="another"))


def test_an_empty_collection_says_what_to_do(store: Store, collection: Collection) -> None:
    with pytest.raises(StoreError, match="ragent ingest"):
        store.require_collection("default")
    with pytest.raises(StoreError, match="ragent ingest PATH --collection law"):
        store.require_collection("law")


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("I am a file")
    with pytest.raises(StoreError, match="is a file"):
        Store.open(tmp_path / "home")


def test_a_database_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ragent.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreError, match="can't open"):
        Store.open(tmp_path)


def test_a_home_of_a_newer_ragent_is_refused(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    with sqlite3.connect(tmp_path / "ragent.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="newer ragent"):
        Store.open(tmp_path)


ZEROS = {"sqlite": "zeroblob(32)", "postgresql": f"'[{','.join('0' * 16)}]'"}
SHORT = {"sqlite": "x'00'", "postgresql": "'[1]'"}


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE chunks SET text = 'forged' WHERE id = 1", "isn't what stands at its offsets"),
        ("DELETE FROM vectors WHERE chunk_id = 1", "has no vector"),
        ("UPDATE vectors SET data = {SHORT} WHERE chunk_id = 1", "wrong length"),
        ("UPDATE vectors SET data = {ZEROS} WHERE chunk_id = 1", "unit length"),
        ("UPDATE chunks SET generation = 99 WHERE id = 1", "generation to come"),
        ("INSERT INTO tombstones VALUES (1, 1, 1)", "marked as deleted"),
        ("DELETE FROM documents", "belongs to a documents that is gone"),
    ],
)
def test_check_finds_damage(store: Store, collection: Collection, damage: str, found: str) -> None:
    store.write(collection, [new_document("file:///a", ["true words", "more"])])
    dialect = store.database.engine.dialect.name
    damage_by(store, damage.format(ZEROS=ZEROS[dialect], SHORT=SHORT[dialect]))
    assert any(found in problem.what for problem in store.check())


def test_a_home_that_another_process_is_making_is_waited_for(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "ragent.db", isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE t (x)")
    other.execute("DROP TABLE t")
    other.execute("BEGIN")
    other.execute("SELECT * FROM sqlite_master").fetchall()
    threading.Timer(0.5, lambda: other.execute("COMMIT")).start()
    with Store.open(tmp_path) as store:
        assert store.check() == []
    other.close()
