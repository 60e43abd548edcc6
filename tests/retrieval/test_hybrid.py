from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from ragent.config import IndexSettings, RetrievalSettings
from ragent.errors import QueryError
from ragent.retrieval import HybridRetriever, Indexes
from ragent.store import Collection, Store
from ragent.types import SearchMode, SearchOptions
from tests.making import HashedWords

Write = Callable[..., None]
MODES: tuple[SearchMode, ...] = ("hybrid", "dense", "keyword")
TEXTS = {
    "refund": "a manager approves every refund over a limit",
    "cats": "cats sleep on the warm roof|kittens play with wool",
    "tax": "the tax office sends a letter about refund and tax",
    "boats": "boats leave the harbour at dawn",
}


@pytest.fixture
def retriever(store: Store, collection: Collection, write: Write) -> HybridRetriever:
    write(**TEXTS)
    return make(store, collection)


def make(store: Store, collection: Collection, **settings: object) -> HybridRetriever:
    indexes = Indexes(store, collection, IndexSettings(kind="flat"))
    return HybridRetriever(store, collection, indexes, HashedWords(), RetrievalSettings(**settings))  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", MODES)
def test_finds_the_chunk_and_where_it_stands(retriever: HybridRetriever, mode: SearchMode) -> None:
    result = retriever.search("kittens play with wool", 3, SearchOptions(mode=mode))
    best = result.hits[0]
    assert (best.uri, best.text, best.rank) == ("cats", "kittens play with wool", 1)
    assert (best.start, best.end) == (29, 51)
    assert result.query == "kittens play with wool"
    assert result.plan["mode"] == mode


@pytest.mark.parametrize("mode", MODES)
def test_hits_come_best_first_and_once(retriever: HybridRetriever, mode: SearchMode) -> None:
    hits = retriever.search("refund of tax", 10, SearchOptions(mode=mode)).hits
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    assert sorted((hit.score for hit in hits), reverse=True) == [hit.score for hit in hits]
    assert len({hit.chunk_id for hit in hits}) == len(hits)


def test_how_many_come_back(retriever: HybridRetriever) -> None:
    assert [len(retriever.search("refund", k).hits) for k in (1, 3, 5, 100)] == [1, 3, 5, 5]
    assert len(retriever.search("refund", 100, SearchOptions(mode="keyword")).hits) == 2
    assert retriever.search("zebra", 5, SearchOptions(mode="keyword")).hits == ()


def test_fewer_candidates_than_wanted_are_made_up_for(
    store: Store, collection: Collection, write: Write
) -> None:
    write(**TEXTS)
    for fusion in ("convex", "rrf"):
        few = make(store, collection, candidates=1, fusion=fusion)
        assert len(few.search("refund", 5).hits) == 5


def test_rare_words_and_meaning_both_count(store: Store, collection: Collection, write: Write) -> None:
    write(**TEXTS)
    by_words = make(store, collection, dense_weight=0.0).search("refund", 5)
    assert {hit.uri for hit in by_words.hits if hit.score > 0} == {"refund", "tax"}
    by_meaning = make(store, collection, dense_weight=1.0).search("refund", 5)
    dense = make(store, collection).search("refund", 5, SearchOptions(mode="dense"))
    assert [hit.chunk_id for hit in by_meaning.hits] == [hit.chunk_id for hit in dense.hits]


def test_the_plan_says_what_ran(retriever: HybridRetriever, store: Store, collection: Collection) -> None:
    plan = retriever.search("refund", 2).plan
    assert plan["kind"] == "flat"
    assert (plan["fusion"], plan["dense_weight"], plan["generation"]) == ("convex", 0.4, 1)
    assert plan["candidates"] == {"dense": 5, "keyword": 2, "fused": 5}
    assert set(plan["milliseconds"]) == {"embed", "refresh", "dense", "keyword", "fuse", "fetch"}
    assert "dense_weight" not in make(store, collection, fusion="rrf").search("refund", 2).plan
    assert "kind" not in retriever.search("refund", 2, SearchOptions(mode="keyword")).plan


def test_many_queries_find_what_each_finds_alone(retriever: HybridRetriever) -> None:
    queries = ["refund", "cats sleep", "boats at dawn"]
    for mode in MODES:
        together = retriever.search_many(queries, 3, SearchOptions(mode=mode))
        assert [result.query for result in together] == queries
        assert [result.hits for result in together] == [
            retriever.search(q, 3, SearchOptions(mode=mode)).hits for q in queries
        ]
    assert retriever.search_many([], 3) == []


@pytest.mark.parametrize("query", ["", "   \n\t", "\ud800 broken"])
def test_a_query_that_says_nothing_is_refused(retriever: HybridRetriever, query: str) -> None:
    with pytest.raises(QueryError) as caught:
        retriever.search(query, 3)
    assert caught.value.hint


@pytest.mark.parametrize("k", [0, -1])
def test_no_results_cannot_be_wanted(retriever: HybridRetriever, k: int) -> None:
    with pytest.raises(QueryError, match="k is"):
        retriever.search("refund", k)


@pytest.mark.parametrize(
    "query", ['"refund', "refund) OR (", "the of and", "?!", "word " * 500, "ß 北京 \x00"]
)
def test_odd_queries_are_searched(retriever: HybridRetriever, query: str) -> None:
    for mode in MODES:
        assert len(retriever.search(query, 3, SearchOptions(mode=mode)).hits) <= 3


def test_what_is_forgotten_is_not_found(
    retriever: HybridRetriever, store: Store, collection: Collection
) -> None:
    assert retriever.search("refund", 5).hits[0].uri in {"refund", "tax"}
    known = store.known_documents(collection.id)
    store.remove(collection, [known["refund"].id, known["tax"].id])
    for mode in MODES:
        assert {hit.uri for hit in retriever.search("refund", 5, SearchOptions(mode=mode)).hits} <= {
            "cats",
            "boats",
        }


def test_what_changed_is_found_under_its_new_words(retriever: HybridRetriever, write: Write) -> None:
    write(boats="zeppelins leave the hangar at noon")
    assert retriever.search("zeppelins hangar", 1).hits[0].text == "zeppelins leave the hangar at noon"
    assert retriever.search("harbour", 5, SearchOptions(mode="keyword")).hits == ()


def test_searches_beside_writes_always_get_the_right_text(
    store: Store, collection: Collection, write: Write
) -> None:
    write(**{f"d{i}": f"number{i} is here" for i in range(20)})
    retriever = make(store, collection)
    wrong: list[str] = []

    def search() -> None:
        for i in range(40):
            for hit in retriever.search(f"number{i % 20}", 2, SearchOptions(mode="keyword")).hits:
                if f"number{i % 20}" not in hit.text:
                    wrong.append(hit.text)

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    for i in range(10):
        write(**{f"d{i}": f"number{i} is now there", f"e{i}": "something else"})
    for thread in threads:
        thread.join()
    assert not wrong
