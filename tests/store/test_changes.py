from __future__ import annotations

import sqlite3
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, select

import ragent.store
from ragent.store import Batch, Collection, Duplicate, KnownSource, Move, NewDocument, Store
from ragent.store.tables import CollectionRow
from ragent.types import Document
from tests.databases import bytes_held, damage_by, query
from tests.making import FINGERPRINT, new_document

PATH = "file:///a"


def test_equal_chunks_keep_their_ids_and_only_change_their_place(
    store: Store, collection: Collection
) -> None:
    store.write(collection, [new_document(PATH, ["one", "two", "three"])])
    store.write(collection, [new_document(PATH, ["zero", "two", "three", "one"])])
    found = query(store, "SELECT id, text, generation FROM chunks ORDER BY start")
    assert found == [(4, "zero", 2), (2, "two", 1), (3, "three", 1), (1, "one", 1)]
    assert query(store, "SELECT count(*) FROM tombstones") == [(0,)]
    assert store.check() == []


def test_what_is_gone_is_buried_and_repeated_text_is_kept_once_each(
    store: Store, collection: Collection
) -> None:
    store.write(collection, [new_document(PATH, ["same", "same", "gone"])])
    store.write(collection, [new_document(PATH, ["same", "same", "same"])])
    assert [id_ for (id_,) in query(store, "SELECT id FROM chunks ORDER BY id")] == [1, 2, 4]
    assert query(store, "SELECT chunk_id FROM tombstones") == [(3,)]
    assert store.check() == []


@pytest.mark.parametrize("change", [{"fresh": True}, {"document": None}], ids=["fresh", "new title"])
def test_chunks_are_made_anew_when_asked_or_under_a_new_title(
    store: Store, collection: Collection, change: dict[str, object]
) -> None:
    new = new_document(PATH, ["one"])
    store.write(collection, [new])
    if "document" in change:
        change = {"document": replace(new.document, title="Another")}
    store.write(collection, [replace(new, **change)])  # type: ignore[arg-type]
    assert query(store, "SELECT id FROM chunks") == [(2,)]


def test_a_move_changes_the_row_and_nothing_below_it(store: Store, collection: Collection) -> None:
    store.write(collection, [new_document(PATH, ["one"])])
    store.apply(collection, Batch(moved=[Move(1, "file:///b", "B", "2", None)]))
    assert store.generation(collection.id) == 1
    known = store.known_documents(collection.id)
    assert [(d.id, d.uri, d.item, d.version, d.title) for d in known.values()] == [
        (1, "file:///b", "file:///b", "2", "B")
    ]
    assert store.passages(collection.id, [1])[1].uri == "file:///b"


def test_sources_are_remembered_once(store: Store, collection: Collection) -> None:
    first = store.remember_source(collection, "file:///docs")
    assert store.remember_source(collection, "file:///docs") == first
    second = store.remember_source(collection, "imap://mail")
    store.leave_source(second, "7")
    assert store.known_sources(collection.id) == [
        KnownSource(first, "file:///docs", None),
        KnownSource(second, "imap://mail", "7"),
    ]
    store.drop_source(first)
    assert [s.id for s in store.known_sources(collection.id)] == [second]


def left_out(uri: str, original: str) -> NewDocument:
    return replace(
        new_document(uri, []),
        document=Document(uri, "", "words", "text/plain"),
        duplicate=Duplicate(original, 0.9),
        content_hash="known",
    )


def test_what_was_left_out_is_read_again_once_its_original_changes(
    store: Store, collection: Collection
) -> None:
    store.write(collection, [new_document(PATH, ["one"]), left_out("file:///b", PATH)])
    assert store.duplicates(collection.id) == {"file:///b": Duplicate(PATH, 0.9)}
    assert store.known_documents(collection.id)["file:///b"].version == "1"
    store.write(collection, [new_document(PATH, ["two"])])
    known = store.known_documents(collection.id)["file:///b"]
    assert (known.version, known.content_hash) == ("", "")
    assert store.duplicates(collection.id) == {}


def test_what_was_left_out_is_read_again_once_its_original_is_removed(
    store: Store, collection: Collection
) -> None:
    store.write(collection, [new_document(PATH, ["one"]), left_out("file:///b", PATH)])
    store.remove(collection, [1])
    assert store.known_documents(collection.id)["file:///b"].version == ""


def test_alike_finds_signatures_by_band(store: Store, collection: Collection) -> None:
    new = replace(new_document(PATH, ["one"]), signature=b"\1\2", bands=(7, -7, 7))
    store.write(collection, [new])
    assert store.alike(collection.id, [-7, 5]) == {PATH: (b"\1\2", new.content_hash)}
    assert store.alike(collection.id, [5]) == {}
    store.write(collection, [replace(new, bands=(9,))])
    assert store.alike(collection.id, [7, -7]) == {}


def test_erased_text_is_in_no_byte_of_the_home(store: Store, collection: Collection) -> None:
    for index in range(30):
        store.write(collection, [new_document(f"file:///{index}", [f"ordinary words {index}"] * 5)])
    store.write(collection, [new_document(PATH, ["the earlier cobalt secret"])])
    store.write(collection, [new_document(PATH, ["the vermilion secret"] * 400)])
    everything = bytes_held(store)
    assert b"vermilion" in everything
    damage_by(store, "ANALYZE")  # takes samples
    (erased,) = (id_ for id_, uri in store.find_documents(PATH))
    store.erase([erased])
    everything = bytes_held(store)
    assert b"vermilion" not in everything
    assert b"cobalt" not in everything
    assert b"ordinary" in everything
    assert store.check() == []


def test_erasing_waits_for_those_who_still_read_what_was(store: Store, collection: Collection) -> None:
    store.write(collection, [new_document(PATH, ["the vermilion secret"])])
    reads, erases = threading.Event(), threading.Event()

    def read() -> None:
        with store.reading() as connection:
            connection.execute(select(CollectionRow.id)).all()
            reads.set()
            erases.wait()
            time.sleep(0.3)

    reader = threading.Thread(target=read)
    reader.start()
    reads.wait()
    erases.set()
    store.erase([1])
    reader.join()
    assert b"vermilion" not in bytes_held(store)


def test_a_first_home_is_migrated_without_loss(tmp_path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(ragent.store.__file__).parent / "migrations"))
    engine = create_engine(f"sqlite:///{tmp_path / 'ragent.db'}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    now = "2026-01-01 00:00:00"
    with sqlite3.connect(tmp_path / "ragent.db") as database:
        database.execute("INSERT INTO collections VALUES (1, 'default', 1, ?)", (now,))
        database.execute(
            "INSERT INTO documents VALUES (1, 1, 'file:///a', 'v', 'h', 't', 'T', 'x', '[]', '{}', ?)", (now,)
        )
        database.execute("INSERT INTO chunks VALUES (1, 1, 1, 1, 0, 1, NULL, 1, '', 'x')")
    with Store.open(tmp_path) as store:
        collection = store.ensure_collection("default", FINGERPRINT)
        assert list(store.known_documents(collection.id)) == ["file:///a"]
        assert store.counts(collection.id).chunks == 1
