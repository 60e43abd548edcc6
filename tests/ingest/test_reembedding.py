from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragent.errors import ChunksTooLong, EmbedderMismatch, StoreError
from ragent.ingest import ReembedReport, Watching, abandon, reembed
from ragent.store import Collection, Store
from tests.ingest.halving import HALVED, Halved
from tests.making import FINGERPRINT, HashedWords, new_document

KILLS = int(os.environ.get("RAGENT_TEST_KILLS", "3"))
ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path, store_url: str) -> Iterator[Store]:
    with Store.open(tmp_path / "home", store_url) as opened:
        yield opened


@pytest.fixture
def collection(store: Store) -> Collection:
    made = store.ensure_collection("default", FINGERPRINT)
    store.write(made, [new_document(f"file:///{i}", [f"fish number {i}", f"boat {i}"]) for i in range(5)])
    return made


def run(store: Store, embedder: Halved | HashedWords, *, stop_after: int = -1) -> ReembedReport:
    """Re-embed, two chunks a batch; stopped after so many batches."""
    asked = iter(range(1000))
    watching = Watching(should_stop=lambda: next(asked) == stop_after)
    return reembed(store, store.require_collection("default"), embedder, 2, watching)


def assert_embedded_by(store: Store, embedder: Halved | HashedWords) -> None:
    """Every chunk has this embedder's vector of its text, and nothing else is kept."""
    collection = store.ensure_collection("default", embedder.fingerprint)
    with store.snapshot(collection) as snapshot:
        texts = {text.chunk_id: text.text for rows in snapshot.texts(0) for text in rows}
        held = {id_: row for ids, rows in snapshot.vectors(0) for id_, row in zip(ids, rows, strict=True)}
    assert held.keys() == texts.keys()
    if texts:
        expected = embedder.embed_documents(list(texts.values()))
        np.testing.assert_allclose(np.array([held[id_] for id_ in texts]), expected, atol=2e-3)
    assert abandon(store, collection) == 0
    assert store.check() == []


def test_all_chunks_get_vectors_of_the_other_model_at_once(store: Store, collection: Collection) -> None:
    seen: list[tuple[int, int]] = []
    report = reembed(store, collection, Halved(), 4, Watching(lambda done, total: seen.append((done, total))))
    assert replace(report, seconds=0.0) == ReembedReport("default", 10, 10, 0, 0.0, "halved")
    assert seen == [(0, 10), (4, 10), (8, 10), (10, 10)]
    assert_embedded_by(store, Halved())
    with pytest.raises(EmbedderMismatch, match="ragent reembed"):
        store.ensure_collection("default", FINGERPRINT)


def test_nothing_is_done_again_for_the_same_model(store: Store, collection: Collection) -> None:
    before = store.generation(collection.id)
    report = run(store, HashedWords())
    assert (report.chunks, report.embedded, report.reused) == (10, 0, 10)
    assert store.generation(collection.id) == before
    assert_embedded_by(store, HashedWords())


def test_a_second_run_goes_on_after_the_first(store: Store, collection: Collection) -> None:
    report = run(store, Halved(), stop_after=2)
    assert (report.interrupted, report.chunks, report.embedded, report.reused) == (True, 10, 4, 0)
    assert_still_usable(store, collection)
    report = run(store, Halved())
    assert (report.interrupted, report.chunks, report.embedded, report.reused) == (False, 10, 6, 4)
    assert_embedded_by(store, Halved())


def assert_still_usable(store: Store, collection: Collection) -> None:
    """The old vectors are there, and all is sound."""
    assert store.require_collection("default").fingerprint == FINGERPRINT
    chunks = store.chunks_of([document.id for document in store.known_documents(collection.id).values()])
    assert not np.isnan(store.chunk_vectors(collection, chunks)).any()
    assert store.check() == []


def test_what_was_begun_for_a_third_model_is_dropped(store: Store, collection: Collection) -> None:
    run(store, Halved(), stop_after=2)
    other = HashedWords(fingerprint=replace(FINGERPRINT, revision="2"))
    report = run(store, other, stop_after=1)
    assert (report.embedded, report.reused) == (2, 0)
    assert abandon(store, collection) == 2
    assert run(store, Halved()).embedded == 10
    assert_embedded_by(store, Halved())


def test_it_can_be_abandoned(store: Store, collection: Collection) -> None:
    run(store, Halved(), stop_after=3)
    assert abandon(store, collection) == 6
    assert abandon(store, collection) == 0
    assert_embedded_by(store, HashedWords())
    assert run(store, Halved()).reused == 0


def test_passages_that_would_be_cut_are_refused_before_anything_is_embedded(
    store: Store, collection: Collection
) -> None:
    store.write(collection, [new_document("file:///long", ["word " * 40, "word " * 41, "short"])])
    called: list[bool] = []
    with pytest.raises(ChunksTooLong, match="2 chunks of collection 'default' are longer than the 39 tokens"):
        run(store, Halved(lambda: called.append(True), max_tokens=39))
    assert not called
    assert_still_usable(store, collection)


def test_one_that_becomes_too_long_meanwhile_is_refused(store: Store, collection: Collection) -> None:
    later = new_document("file:///long", ["word " * 40])
    with pytest.raises(ChunksTooLong) as refused:
        run(store, Halved(lambda: store.write(collection, [later]), max_tokens=39))
    assert refused.value.count == 1
    assert "--collection" in refused.value.hint
    assert_still_usable(store, collection)


def test_only_one_process_does_it(store: Store, collection: Collection) -> None:
    def try_too() -> None:
        with pytest.raises(StoreError, match="another process re-embeds"):
            run(store, Halved())
        with pytest.raises(StoreError, match="another process re-embeds"):
            abandon(store, collection)

    run(store, Halved(try_too))
    assert_embedded_by(store, Halved())


def test_whoever_has_the_old_vectors_open_is_told(store: Store, collection: Collection) -> None:
    document = new_document("file:///late", ["too late"])
    run(store, Halved())
    with pytest.raises(StoreError, match="embedded anew"), store.snapshot(collection):
        pass
    with pytest.raises(StoreError, match="embedded anew"):
        store.write(collection, [document])
    store.remove(collection, [1])  # needs no vectors
    assert_embedded_by(store, Halved())


def test_an_emptied_collection_changes_its_model_too(store: Store, collection: Collection) -> None:
    known = store.known_documents(collection.id)
    store.remove(collection, [document.id for document in known.values()])
    found = store.find_collection("default")
    assert found
    report = reembed(store, found, Halved(), 2)
    assert (report.chunks, report.embedded) == (0, 0)
    assert store.ensure_collection("default", HALVED).fingerprint == HALVED


# What another process may do, of documents 0 to 5.
WRITES = st.tuples(st.sampled_from(["write", "rewrite", "remove"]), st.integers(0, 5), st.integers(1, 3))
MOMENTS = st.lists(st.one_of(st.just("stop"), st.just("crash"), st.lists(WRITES, max_size=3)), max_size=8)


class Crash(Exception):
    """Nothing of the batch in hand was written."""


@settings(max_examples=int(os.environ.get("RAGENT_TEST_EXAMPLES", "12")), deadline=None)
@given(MOMENTS)
def test_whatever_others_write_meanwhile_it_is_right_in_the_end(moments: list[object]) -> None:
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder)) as store:
        collection = store.ensure_collection("default", FINGERPRINT)
        store.write(collection, [new_document(f"file:///{i}", [f"fish {i}", f"boat {i}"]) for i in range(4)])
        coming = iter(moments)
        stopped = threading.Event()
        watching = Watching(should_stop=stopped.is_set)

        def happen() -> None:
            moment = next(coming, [])
            assert store.check() == []
            if moment == "crash":
                raise Crash
            if moment == "stop":
                stopped.set()
                return
            assert isinstance(moment, list)
            for kind, number, paragraphs in moment:
                write(store, collection, (kind, number, paragraphs))

        while True:
            with suppress(Crash):
                if not reembed(store, collection, Halved(happen), 2, watching).interrupted:
                    break
            stopped.clear()
        assert_embedded_by(store, Halved())


def write(store: Store, collection: Collection, what: tuple[str, int, int]) -> None:
    kind, number, paragraphs = what
    uri = f"file:///{number}"
    known = store.known_documents(collection.id)
    if kind == "remove":
        if uri in known:
            store.remove(collection, [known[uri].id])
        return
    texts = [f"fish {number}", *(f"net {n} of {number}" for n in range(paragraphs - 1))]
    store.write(collection, [replace(new_document(uri, texts), fresh=kind == "rewrite")])


def test_killed_at_any_moment_it_goes_on_and_stays_sound(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Store.open(home) as store:
        collection = store.ensure_collection("default", FINGERPRINT)
        documents = [new_document(f"file:///{i}", [f"fish {i}", f"boat {i}"]) for i in range(60)]
        store.write(collection, documents)
    moments = random.Random(7)
    done = 0
    for _ in range(KILLS):
        reached = kill_after(home, moments.randrange(1, 8), moments.random)
        with Store.open(home) as store:
            assert_still_usable(store, collection)
        assert reached >= done, "what was committed was done again"
        done = reached
    with Store.open(home) as store:
        report = run(store, Halved())
        assert report.reused >= done > 0
        assert report.embedded + report.reused == 120
        assert_embedded_by(store, Halved())


def kill_after(home: Path, batches: int, delay: Callable[[], float]) -> int:
    """Start one, and kill it when it has told of so many batches; how many chunks it said were done."""
    command = [sys.executable, "-m", "tests.ingest.halving", str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdout
        told = [int(child.stdout.readline()) for _ in range(batches)]
        with suppress(subprocess.TimeoutExpired):
            child.wait(delay() / 100)
        child.kill()
    return told[-1]
