from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ragent.config import IndexSettings
from ragent.retrieval import FewOpen, Indexes
from ragent.store import Collection, Store
from tests.making import FINGERPRINT, new_document

COUNT = 6
SETTINGS = IndexSettings()


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, list[Collection]]]:
    """Each holds one chunk: "common", and its own number."""
    with Store.open(tmp_path_factory.mktemp("many") / "home") as store:
        made = [store.ensure_collection(f"c{i}", FINGERPRINT) for i in range(COUNT)]
        for i, collection in enumerate(made):
            store.write(collection, [new_document(f"d{i}", [f"common {i}"])])
        yield store, made


def mapped(home: Path) -> set[str]:
    """The collections of which this process has a file of an index mapped, by their folders."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    folder = f"{home / 'indexes'}/"
    return {line.partition(folder)[2].split("/")[0] for line in lines if folder in line}


def found(indexes: Indexes) -> list[int]:
    with indexes.view() as view:
        return view.keyword.search("common", 10)[0].tolist()


def test_only_so_many_stay_open_and_all_are_searched(collections: tuple[Store, list[Collection]]) -> None:
    store, made = collections
    few = FewOpen(2)
    opened = [Indexes(store, collection, SETTINGS, few) for collection in made]
    for _ in range(2):
        for i, indexes in enumerate(opened):
            assert found(indexes) == [i + 1]
            assert len(mapped(store.home)) <= 2
    assert mapped(store.home) == {indexes.folder.name for indexes in opened[-2:]}


def test_what_was_used_last_stays_open(collections: tuple[Store, list[Collection]]) -> None:
    store, made = collections
    few = FewOpen(2)
    first, second, third = (Indexes(store, collection, SETTINGS, few) for collection in made[:3])
    for indexes in (first, second, first, third):
        found(indexes)
    assert mapped(store.home) == {first.folder.name, third.folder.name}


def test_what_is_being_searched_stays_open(collections: tuple[Store, list[Collection]]) -> None:
    store, made = collections
    few = FewOpen(1)
    opened = [Indexes(store, collection, SETTINGS, few) for collection in made]
    with ExitStack() as held:
        views = [held.enter_context(indexes.view()) for indexes in opened[:3]]
        assert [found(indexes) for indexes in opened[3:]] == [[4], [5], [6]]
        assert [view.keyword.search("common", 10)[0].tolist() for view in views] == [[1], [2], [3]]
        assert [view.dense.ids.tolist() for view in views] == [[1], [2], [3]]
        assert len(mapped(store.home)) == 4
    del views
    assert found(opened[5]) == [6]
    assert mapped(store.home) == {opened[5].folder.name}


def test_threads_may_search_more_collections_than_may_be_open(
    collections: tuple[Store, list[Collection]],
) -> None:
    store, made = collections
    few = FewOpen(2)
    opened = [Indexes(store, collection, SETTINGS, few) for collection in made]
    wrong: list[object] = []

    def search(start: int) -> None:
        try:
            for step in range(3 * COUNT):
                i = (start + step) % COUNT
                if found(opened[i]) != [i + 1]:
                    wrong.append(i)
        except Exception as error:  # for whoever waits for the thread
            wrong.append(error)

    threads = [threading.Thread(target=search, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    # A thread may still be building what two searches found missing at once.
    deadline = time.monotonic() + 20
    while found(opened[0]) and len(mapped(store.home)) > 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(mapped(store.home)) <= 2


def test_what_came_while_it_was_closed_is_found(tmp_path: Path) -> None:
    with Store.open(tmp_path / "home") as store:
        one, other = (store.ensure_collection(name, FINGERPRINT) for name in ("one", "other"))
        store.write(one, [new_document("a", ["common"])])
        store.write(other, [new_document("b", ["common"])])
        few = FewOpen(1)
        indexes, others = (Indexes(store, collection, SETTINGS, few) for collection in (one, other))
        assert (found(indexes), found(others)) == ([1], [2])
        store.write(one, [new_document("c", ["common"])])
        store.remove(one, [1])
        assert found(indexes) == [3]
