from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ragent.config import IndexSettings
from ragent.errors import StoreError
from ragent.index.files import folder_lock
from ragent.retrieval import Indexes
from ragent.store import Collection, Store
from ragent.store.copying import copy_database
from tests.making import FINGERPRINT, HashedWords, new_document

Write = Callable[..., None]
FLAT = IndexSettings(kind="flat")
SMALL = IndexSettings(kind="hnsw", hnsw_m=8, hnsw_ef_construction=32)
KINDS = ("flat", "hnsw", "hnsw_sq", "lsh", "rabitq", "ivf")
SLOW_TO_BUILD = 400
"""As many chunks as make a graph take longer than a search waits."""


def held(indexes: Indexes) -> tuple[list[int], list[int]]:
    """The ids that each index would return, of both sides."""
    with indexes.view() as view:
        dense = np.setdiff1d(view.dense.ids, view.dense.dead)
        keyword, _ = view.keyword.search("common", 1000)
        return dense.tolist(), sorted(keyword.tolist())


def live(store: Store, collection: Collection) -> list[int]:
    with store.snapshot(collection) as snapshot:
        return snapshot.live().tolist()


def remove(store: Store, collection: Collection, *uris: str) -> None:
    known = store.known_documents(collection.id)
    store.remove(collection, [known[uri].id for uri in uris])


def fill(write: Write, first: int, count: int) -> None:
    write(**{f"d{i}": f"common word{i}" for i in range(first, first + count)})


@pytest.mark.parametrize("settings", [FLAT, SMALL], ids=["flat", "hnsw"])
def test_catches_up_with_every_kind_of_commit(
    store: Store, collection: Collection, write: Write, settings: IndexSettings
) -> None:
    fill(write, 0, 30)
    indexes = Indexes(store, collection, settings)
    assert held(indexes) == (live(store, collection),) * 2
    fill(write, 30, 5)
    assert held(indexes) == (live(store, collection),) * 2
    write(d3="common other words")
    remove(store, collection, "d1", "d2")
    ids = live(store, collection)
    assert len(ids) == 33
    assert held(indexes) == (ids, ids)
    assert held(Indexes(store, collection, settings)) == (ids, ids)


def test_another_objects_commits_are_seen(store: Store, collection: Collection, write: Write) -> None:
    fill(write, 0, 10)
    one, two = Indexes(store, collection, SMALL), Indexes(store, collection, SMALL)
    assert held(one) == held(two)
    for round_ in range(1, 6):
        fill(write, 10 * round_, 10)
        remove(store, collection, f"d{round_}")
        expected = live(store, collection)
        for indexes in (one, two) if round_ % 2 else (two, one):
            assert held(indexes) == (expected, expected)


def test_many_deletions_make_the_index_anew(store: Store, collection: Collection, write: Write) -> None:
    fill(write, 0, 40)
    indexes = Indexes(store, collection, SMALL)
    held(indexes)
    remove(store, collection, *(f"d{i}" for i in range(20)))
    with indexes.view() as view:
        assert len(view.dense.ids) == 20
        assert len(view.dense.dead) == 0
        assert len(view.keyword) == 20


def test_everything_may_be_deleted(store: Store, collection: Collection, write: Write) -> None:
    fill(write, 0, 5)
    indexes = Indexes(store, collection, SMALL)
    held(indexes)
    remove(store, collection, *(f"d{i}" for i in range(5)))
    assert held(indexes) == ([], [])
    assert held(Indexes(store, collection, SMALL)) == ([], [])


def test_a_sound_file_is_used_and_not_written_again(
    store: Store, collection: Collection, write: Write
) -> None:
    fill(write, 0, 20)
    first = Indexes(store, collection, SMALL)
    first.refresh()
    before = {path: path.stat().st_mtime_ns for path in first.folder.rglob("*") if path.suffix != ""}
    second = Indexes(store, collection, SMALL)
    assert held(second) == (live(store, collection),) * 2
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.parametrize("name", ["dense.index", "keyword.json", "keyword/meta.json"])
@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "gone", "foreign"])
def test_damage_is_found_and_mended(
    store: Store, collection: Collection, write: Write, name: str, damage: str
) -> None:
    fill(write, 0, 20)
    indexes = Indexes(store, collection, SMALL)
    indexes.refresh()
    spoil(indexes.folder / name, damage)
    fresh = Indexes(store, collection, SMALL)
    fill(write, 20, 1)
    assert held(fresh) == (live(store, collection),) * 2
    assert fresh.info()["keyword"]["state"] == "fresh"
    assert fresh.info()["dense"]["state"].split(":")[0] in {"fresh", "behind"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "gone", "foreign"])
def test_a_damaged_file_of_any_kind_is_found_and_mended(
    store: Store, collection: Collection, write: Write, kind: str, damage: str
) -> None:
    settings = SMALL.model_copy(update={"kind": kind})
    fill(write, 0, 40)
    indexes = Indexes(store, collection, settings)
    indexes.refresh()
    spoil(indexes.folder / "dense.index", damage)
    fresh = Indexes(store, collection, settings)
    with fresh.view(["dense"]) as view:
        assert view.dense.kind == kind
        assert view.dense.ids.tolist() == live(store, collection)
        wanted = HashedWords().embed_queries(["common word7"])
        assert view.dense.search(wanted, 1)[1][0, 0] == pytest.approx(1, abs=1e-2)
    facts = fresh.info()["dense"]
    assert (facts["kind"], facts["state"]) == (kind, "fresh")


def test_damage_anywhere_in_tantivys_files_is_found(
    store: Store, collection: Collection, write: Write
) -> None:
    fill(write, 0, 20)
    indexes = Indexes(store, collection, SMALL)
    indexes.refresh()
    suffixes = {path.suffix for path in (indexes.folder / "keyword").glob("[!.]*")}
    assert len(suffixes) > 3
    for suffix in sorted(suffixes):
        spoil(next((indexes.folder / "keyword").glob(f"[!.]*{suffix}")), "flip")
        assert held(Indexes(store, collection, SMALL)) == (live(store, collection),) * 2


def spoil(path: Path, damage: str) -> None:
    data = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
    elif damage == "flip":
        data[len(data) // 2] ^= 4
        path.write_bytes(data)
    else:
        path.write_bytes({"cut": data[:-7], "empty": b"", "foreign": b"#!/bin/sh\n" * 100}[damage])


def test_a_folder_where_a_file_should_be(store: Store, collection: Collection, write: Write) -> None:
    fill(write, 0, 5)
    indexes = Indexes(store, collection, SMALL)
    (indexes.folder / "dense.index").mkdir(parents=True)
    (indexes.folder / "keyword").write_text("not a folder")
    assert held(indexes) == (live(store, collection),) * 2


def test_an_older_file_is_brought_up_to_date(store: Store, collection: Collection, write: Write) -> None:
    fill(write, 0, 20)
    indexes = Indexes(store, collection, SMALL)
    indexes.refresh()
    old = Path(f"{indexes.folder}.old")
    shutil.copytree(indexes.folder, old)
    fill(write, 20, 20)
    remove(store, collection, "d0")
    indexes.refresh()
    shutil.rmtree(indexes.folder)
    old.rename(indexes.folder)
    reopened = Indexes(store, collection, SMALL)
    assert reopened.info()["dense"]["generation"] == 1
    assert held(reopened) == (live(store, collection),) * 2


def test_other_parameters_make_the_index_anew(store: Store, collection: Collection, write: Write) -> None:
    fill(write, 0, 20)
    Indexes(store, collection, SMALL).refresh()
    other = Indexes(store, collection, FLAT)
    with other.view() as view:
        assert view.dense.kind == "flat"
    assert other.info()["dense"]["state"] == "fresh"


def test_a_restored_database_is_not_served_by_newer_files(
    tmp_path: Path, store: Store, collection: Collection, write: Write
) -> None:
    write(a="common apple", b="common berry")
    backup = tmp_path / "backup"
    with Store.open(backup) as copy:
        copy_database(store.database, copy.database)
    write(c="common pear", d="common plum")
    Indexes(store, collection, SMALL).refresh()
    shutil.copytree(store.home / "indexes", backup / "indexes")
    with Store.open(backup) as restored:
        # It goes on by itself: the same generations and chunk ids, other texts.
        restored.write(collection, [new_document("c", ["common fig"]), new_document("d", ["common lime"])])
        restored.write(collection, [new_document("e", ["common kiwi"])])
        indexes = Indexes(restored, collection, SMALL)
        assert held(indexes) == ([1, 2, 3, 4, 5],) * 2
        with indexes.view() as view:
            assert view.keyword.search("fig", 5)[0].tolist() == [3]
            assert view.keyword.search("pear", 5)[0].tolist() == []
            fig = HashedWords().embed_queries(["common fig"])
            ids, scores = view.dense.search(fig, 1)
            assert ids.tolist() == [[3]]
            assert scores[0, 0] == pytest.approx(1, abs=1e-2)


def test_a_database_made_anew_is_not_served_by_old_files(
    store: Store, collection: Collection, write: Write
) -> None:
    write(a="common apple", b="common berry")
    Indexes(store, collection, SMALL).refresh()
    store.close()
    for path in store.home.glob("ragent.db*"):
        path.unlink()
    with Store.open(store.home) as anew:
        made = anew.ensure_collection("default", FINGERPRINT)
        anew.write(made, [new_document("x", ["common fig"]), new_document("y", ["common lime"])])
        indexes = Indexes(anew, made, SMALL)
        with indexes.view() as view:
            assert view.keyword.search("apple", 5)[0].tolist() == []
            assert view.keyword.search("fig", 5)[0].tolist() == [1]


def test_an_unwritable_home_is_searched_from_memory(
    store: Store, collection: Collection, write: Write
) -> None:
    fill(write, 0, 10)
    (store.home / "indexes").write_text("no folder can be made here")
    indexes = Indexes(store, collection, SMALL)
    assert held(indexes) == (live(store, collection),) * 2
    fill(write, 10, 5)
    remove(store, collection, "d0")
    assert held(indexes) == (live(store, collection),) * 2


def test_a_search_does_not_wait_for_a_graph(store: Store, collection: Collection, write: Write) -> None:
    fill(write, 0, SLOW_TO_BUILD)
    indexes = Indexes(store, collection, SMALL)
    with indexes.view(["dense"]) as view:
        assert view.dense.kind == "flat"
        assert len(view.dense.ids) == SLOW_TO_BUILD
    # A flat file is there at once, for whoever opens the home next.
    assert indexes.info()["dense"]["kind"] == "flat"
    assert indexes.info()["dense"]["state"].startswith("to be rebuilt as hnsw")
    fill(write, SLOW_TO_BUILD, 3)
    remove(store, collection, "d1")
    assert held(indexes)[0] == live(store, collection)
    deadline = time.monotonic() + 60
    while kind_of(indexes) != "hnsw":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert held(indexes)[0] == live(store, collection)
    assert Indexes(store, collection, SMALL).info()["dense"]["kind"] == "hnsw"


def kind_of(indexes: Indexes) -> str:
    with indexes.view(["dense"]) as view:
        return view.dense.kind


def test_an_unwritable_home_gets_its_graph_in_memory(
    store: Store, collection: Collection, write: Write
) -> None:
    fill(write, 0, 30)
    (store.home / "indexes").write_text("no folder can be made here")
    indexes = Indexes(store, collection, SMALL)
    assert kind_of(indexes) == "hnsw"
    fill(write, 30, 5)
    assert held(indexes)[0] == live(store, collection)


def test_a_search_writes_nothing_for_a_few_new_chunks(
    store: Store, collection: Collection, write: Write
) -> None:
    fill(write, 0, 30)
    indexes = Indexes(store, collection, SMALL)
    indexes.refresh()
    path = indexes.folder / "dense.index"
    before = path.stat().st_mtime_ns
    fill(write, 30, 10)
    assert held(indexes)[0] == held(Indexes(store, collection, SMALL))[0] == live(store, collection)
    assert path.stat().st_mtime_ns == before
    assert indexes.info()["dense"]["state"].startswith("behind")
    indexes.refresh()
    assert indexes.info()["dense"]["state"] == "fresh"


@pytest.mark.parametrize("kind", KINDS)
def test_many_new_chunks_are_folded_into_the_file(
    store: Store, collection: Collection, write: Write, kind: str
) -> None:
    settings = SMALL.model_copy(update={"kind": kind})
    fill(write, 0, 50)
    indexes = Indexes(store, collection, settings)
    indexes.refresh()
    remove(store, collection, "d4")
    fill(write, 50, 70)
    with indexes.view(["dense"]):
        pass
    facts = indexes.info()["dense"]
    assert (facts["vectors"], facts["dead"], facts["state"]) == (119, 1, "fresh")
    assert held(Indexes(store, collection, settings))[0] == live(store, collection)


def test_what_another_built_is_taken_over(store: Store, collection: Collection, write: Write) -> None:
    fill(write, 0, 20)
    one, two = Indexes(store, collection, SMALL), Indexes(store, collection, SMALL)
    assert held(one) == held(two)
    fill(write, 20, 100)
    one.refresh()
    written = (one.folder / "dense.index").stat().st_mtime_ns
    assert held(two)[0] == live(store, collection)
    assert (one.folder / "dense.index").stat().st_mtime_ns == written


def test_who_builds_holds_up_no_search(store: Store, collection: Collection, write: Write) -> None:
    fill(write, 0, 20)
    indexes = Indexes(store, collection, SMALL)
    indexes.folder.mkdir(parents=True)
    with folder_lock(indexes.folder, 1, "build.lock"):
        assert held(indexes) == (live(store, collection),) * 2
        assert not (indexes.folder / "dense.index").exists()


def test_waits_for_who_holds_the_folder(store: Store, collection: Collection, write: Write) -> None:
    fill(write, 0, 10)
    indexes = Indexes(store, collection, SMALL)
    found: list[object] = []
    searching = threading.Thread(target=lambda: found.append(held(indexes)))
    with folder_lock(indexes.folder, 1):
        searching.start()
        searching.join(0.2)
        assert not found
    searching.join(30)
    assert found == [(live(store, collection),) * 2]


def test_temporaries_of_killed_processes_are_cleaned_up(
    store: Store, collection: Collection, write: Write
) -> None:
    fill(write, 0, 10)
    indexes = Indexes(store, collection, SMALL)
    indexes.refresh()
    stray = indexes.folder / ".dense.index.0123.tmp"
    stray.write_bytes(b"half a file")
    fill(write, 10, 1)
    held(indexes)
    assert not stray.exists()


def test_threads_search_while_others_write(store: Store, collection: Collection, write: Write) -> None:
    fill(write, 0, 20)
    indexes = Indexes(store, collection, SMALL)
    failures: list[Exception] = []

    def search() -> None:
        try:
            for _ in range(20):
                with indexes.view() as view:
                    ids, _ = view.keyword.search("common", 1000)
                    dense = np.setdiff1d(view.dense.ids, view.dense.dead)
                    assert sorted(ids.tolist()) == dense.tolist()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for i in range(5):
        fill(write, 100 + i, 1)
        remove(store, collection, f"d{i}")
    for thread in threads:
        thread.join()
    assert not failures
    assert held(indexes) == (live(store, collection),) * 2


def test_rebuild_tells_how_far_it_is(store: Store, collection: Collection, write: Write) -> None:
    fill(write, 0, 10)
    indexes = Indexes(store, collection, SMALL)
    told: list[tuple[int, int]] = []
    indexes.rebuild(lambda done, total: told.append((done, total)))
    assert told == [(10, 10), (10, 10)]
    assert held(indexes) == (live(store, collection),) * 2


def test_info_says_what_is_there(store: Store, collection: Collection, write: Write) -> None:
    fill(write, 0, 10)
    indexes = Indexes(store, collection, SMALL)
    assert indexes.info()["dense"]["state"].startswith("missing")
    indexes.refresh()
    facts = indexes.info()
    assert facts["generation"] == 1
    assert (facts["dense"]["kind"], facts["dense"]["why"]) == ("hnsw", "set by [index] kind")
    assert (facts["dense"]["vectors"], facts["keyword"]["chunks"]) == (10, 10)
    assert facts["dense"]["bytes"] == (indexes.folder / "dense.index").stat().st_size
    fill(write, 10, 1)
    assert indexes.info()["keyword"]["state"].startswith("stale")
    assert indexes.info()["dense"]["state"].startswith("behind")
    spoil(indexes.folder / "dense.index", "flip")
    assert indexes.info()["dense"]["state"].startswith("to be rebuilt")


def test_a_collection_without_vectors_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="no vectors"):
        Indexes(store, Collection(9, "new", 0, None, None), SMALL)
