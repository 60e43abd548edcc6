"""pgvector finds what looking at every vector finds; its indexes come, go and are mended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import text

from ragent.config import IndexSettings, RetrievalSettings
from ragent.errors import StoreError
from ragent.filters import parse_filter
from ragent.protocols import Ids, Vectors
from ragent.retrieval import HybridRetriever, check_indexes, open_indexes
from ragent.retrieval.database.graphs import graphs
from ragent.store import Collection, Store
from ragent.store.spaces import add_vectors, begin_space, take_over
from ragent.store.vectors import encode
from ragent.types import SearchOptions
from tests.making import FINGERPRINT, HashedWords, new_document

Write = Callable[..., None]
EXACT = IndexSettings(kind="flat")
GRAPH = IndexSettings(kind="hnsw", hnsw_m=8, hnsw_ef_construction=64)
COUNT = 150


@pytest.fixture(params=[EXACT, GRAPH], ids=["exact", "hnsw"])
def settings(request: pytest.FixtureRequest) -> IndexSettings:
    return request.param  # type: ignore[no-any-return]


def fill(write: Write, first: int = 0, count: int = COUNT) -> None:
    write(**{f"d{i}": f"common word{i} and word{i % 7}" for i in range(first, first + count)})


def stored(store: Store, collection: Collection) -> tuple[Ids, Vectors]:
    with store.snapshot(collection) as snapshot:
        ids, vectors = zip(*snapshot.vectors(0), strict=True)
        return np.concatenate(ids), np.concatenate(vectors)


def test_finds_what_brute_force_finds(
    store: Store, collection: Collection, write: Write, settings: IndexSettings
) -> None:
    fill(write)
    indexes = open_indexes(store, collection, settings)
    indexes.refresh()
    known = store.known_documents(collection.id)
    store.remove(collection, [known[f"d{i}"].id for i in range(0, COUNT, 5)])
    fill(write, COUNT, 20)
    ids, vectors = stored(store, collection)
    queries = HashedWords().embed_queries([f"word{i} common" for i in range(12)])
    with indexes.view(["dense"]) as view:
        dense = view.dense
        assert dense.kind == ("hnsw" if settings.kind == "hnsw" else "exact")
        assert dense.ids.tolist() == ids.tolist()
        found, scores = dense.search(queries, 10)
        exact = queries @ vectors.T
        best = ids[np.argsort(-exact, axis=1)[:, :10]]
        same = [len(set(a) & set(b)) for a, b in zip(found.tolist(), best.tolist(), strict=True)]
        assert np.mean(same) >= 9.5
        assert np.all(np.diff(scores, axis=1) <= 0)
        np.testing.assert_allclose(scores[:, 0], exact.max(axis=1), atol=1e-3)
        everything, _ = dense.search(queries[:1], len(ids) + 3)
        assert sorted(everything[0].tolist()) == [-1, -1, -1, *ids.tolist()]
        some = ids[::3]
        inside, cosines = dense.search(queries, 4, np.append(some, 10**9))
        assert np.isin(inside, some).all()
        np.testing.assert_allclose(cosines[:, 0], (queries @ vectors[::3].T).max(axis=1), atol=1e-3)
        assert dense.search(queries[:1], 3, some[:0])[0].tolist() == [[-1] * 3]
        np.testing.assert_allclose(dense.score(queries[0], ids[:5]), exact[0, :5], atol=1e-3)
        assert np.isnan(dense.score(queries[0], np.array([10**9]))).all()


@pytest.mark.parametrize("width", [8, 128])
def test_many_that_pass_a_filter_are_found_along_the_index(
    store: Store, collection: Collection, write: Write, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    fill(write)
    indexes = open_indexes(store, collection, GRAPH.model_copy(update={"hnsw_ef_search": width}))
    indexes.refresh()
    retriever = HybridRetriever(store, collection, indexes, HashedWords(), RetrievalSettings())
    prefixed = {"uri": {"prefix": "d1"}}
    for where in (prefixed, {"not": prefixed}, {"uri": "d7"}):
        asked = SearchOptions(where=parse_filter(where), mode="dense")
        few = retriever.search("word3 common", 100, asked)
        with monkeypatch.context() as patch:
            patch.setattr("ragent.retrieval.planner.SCANNED", 0)
            many = retriever.search("word3 common", 100, asked)
        assert many.plan["filter"] == {"matching_at_least": 1, "dense": "index"}
        assert [hit.chunk_id for hit in many.hits] == [hit.chunk_id for hit in few.hits]
        assert few.hits


def test_a_text_in_the_metadata_is_filtered_by(store: Store, collection: Collection) -> None:
    written = [new_document(uri, ["boats leave"]) for uri in ("a", "b", "c")]
    for new, value in zip(written, ("de", ["en", "de-AT"], "en"), strict=True):
        store.write(collection, [replace(new, document=replace(new.document, metadata={"lang": value}))])
    indexes = open_indexes(store, collection, EXACT)
    retriever = HybridRetriever(store, collection, indexes, HashedWords(), RetrievalSettings())
    for where, uris in (({"lang": "de"}, {"a"}), ({"lang": {"prefix": "de"}}, {"a", "b"})):
        hits = retriever.search("boats", 5, SearchOptions(where=parse_filter(where))).hits
        assert {hit.uri for hit in hits} == uris


def names(store: Store) -> dict[str, tuple[int, int]]:
    with store.reading() as connection:
        return {graph.name: graph.made_with for graph in graphs(connection) if graph.is_valid}


def test_an_index_is_made_when_it_pays_and_goes_with_its_space(
    store: Store, collection: Collection, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(write, count=20)
    settings = IndexSettings()
    indexes = open_indexes(store, collection, settings)
    indexes.refresh()
    assert names(store) == {}
    monkeypatch.setattr("ragent.retrieval.database.graphs._FEW", 20)
    assert indexes.info()["dense"]["state"].startswith("behind")
    indexes.refresh()
    name = f"ix_vectors_hnsw_{collection.space_id}"
    assert names(store) == {name: (16, 200)}
    assert (indexes.info()["dense"]["kind"], indexes.info()["dense"]["state"]) == ("hnsw", "fresh")
    open_indexes(store, collection, GRAPH).refresh()
    assert names(store) == {name: (8, 64)}
    ids, vectors = stored(store, collection)
    with store.writing() as connection:
        space_id = begin_space(connection, collection.id, replace(FINGERPRINT, revision="2"))
        add_vectors(
            connection, collection.id, space_id, dict(zip(ids.tolist(), encode(vectors), strict=True))
        )
        assert take_over(connection, collection.id, space_id)
    with pytest.raises(StoreError, match="embedded anew"), indexes.view():
        pass
    open_indexes(store, store.require_collection("default"), EXACT).refresh()
    assert names(store) == {}


def test_an_index_that_was_left_half_made_is_made_anew(
    store: Store, collection: Collection, write: Write
) -> None:
    fill(write, count=20)
    indexes = open_indexes(store, collection, GRAPH)
    indexes.refresh()
    with store.writing() as connection:
        connection.execute(
            text(
                "UPDATE pg_index SET indisvalid = false FROM pg_class c "
                "WHERE c.oid = indexrelid AND starts_with(c.relname, 'ix_vectors_hnsw_')"
            )
        )
    assert any("half made" in problem.what for problem in check_indexes(store, collection, GRAPH))
    assert indexes.info()["dense"]["state"].startswith("not valid")
    with indexes.view(["dense"]) as view:
        assert view.dense.kind == "exact"
        assert len(view.dense.search(HashedWords().embed_queries(["word3"]), 5)[0][0]) == 5
    indexes.refresh()
    assert check_indexes(store, collection, GRAPH) == []
    assert len(names(store)) == 1
    indexes.rebuild()
    indexes.purge()
    assert len(names(store)) == 1


def test_searches_beside_a_writer_see_whole_commits(
    store: Store, collection: Collection, write: Write
) -> None:
    fill(write, count=40)
    indexes = open_indexes(store, collection, GRAPH)
    indexes.refresh()
    retriever = HybridRetriever(store, collection, indexes, HashedWords(), RetrievalSettings())
    over, wrong = threading.Event(), []

    def search() -> None:
        while not over.is_set():
            try:
                for hit in retriever.search("common fresh word3", 30).hits:
                    if "common" not in hit.text:
                        wrong.append(hit.text)
                with indexes.view() as view:
                    held = set(view.dense.ids.tolist())
                    matching = set(view.keyword.search("common", 1000)[0].tolist())
                    if held != matching:
                        wrong.append(f"{held ^ matching}")
            except Exception as error:  # whatever it is, it is wrong
                wrong.append(repr(error))

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for round_ in range(6):
            write(**{f"d{i}": f"common fresh word{i} round{round_}" for i in range(round_, round_ + 8)})
            known = store.known_documents(collection.id)
            store.remove(collection, [known[f"d{39 - round_}"].id])
            indexes.refresh()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert check_indexes(store, collection, GRAPH) == []
