from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ragent.config import IndexSettings, RetrievalSettings
from ragent.errors import QueryError
from ragent.filters import parse_filter
from ragent.retrieval import HybridRetriever, open_indexes
from ragent.store import Batch, Collection, Move, Store
from ragent.types import SearchMode, SearchOptions
from tests.making import HashedWords, new_document

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
    indexes = open_indexes(store, collection, IndexSettings(kind="flat"))
    return HybridRetriever(store, collection, indexes, HashedWords(), RetrievalSettings(**settings))  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", MODES)
def test_finds_the_chunk_and_where_it_stands(retriever: HybridRetriever, mode: SearchMode) -> None:
    result = retriever.search("kittens play with wool", 3, SearchOptions(mode=mode))
    best = result.hits[0]
    assert (best.uri, best.text, best.rank) == ("cats", "kittens play with wool", 1)
    assert (best.start, best.end) == (29, 51)
    assert result.query == "kittens play with wool"
    assert result.plan["mode"] == mode


def test_a_hit_has_the_links_of_its_passage_only(store: Store, collection: Collection) -> None:
    new = new_document("page", ["ask for a refund here", "boats leave at dawn"])
    links = [{"text": "a refund", "url": "https://h.example/refund"}, {"text": "boats", "url": "boats.html"}]
    store.write(collection, [replace(new, document=replace(new.document, metadata={"links": links}))])
    notes = replace(new_document("notes", ["cats sleep"]).document, metadata={"links": "three of them"})
    store.write(collection, [replace(new_document("notes", ["cats sleep"]), document=notes)])
    retriever = make(store, collection)
    assert retriever.search("refund", 1).hits[0].metadata["links"] == links[:1]
    assert retriever.search("boats", 1).hits[0].metadata["links"] == links[1:]
    assert retriever.search("cats sleep", 1).hits[0].metadata["links"] == "three of them"


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
    by_words = make(store, collection, dense_weight=0.0, affinity=0.0).search("refund", 5)
    assert {hit.uri for hit in by_words.hits if hit.score > 0} == {"refund", "tax"}
    by_meaning = make(store, collection, dense_weight=1.0, affinity=0.0).search("refund", 5)
    dense = make(store, collection).search("refund", 5, SearchOptions(mode="dense"))
    assert [hit.chunk_id for hit in by_meaning.hits] == [hit.chunk_id for hit in dense.hits]


def test_the_plan_says_what_ran(retriever: HybridRetriever, store: Store, collection: Collection) -> None:
    plan = retriever.search("refund", 2).plan
    assert plan["kind"] == ("exact" if store.database.is_postgresql else "flat")
    assert (plan["fusion"], plan["dense_weight"], plan["generation"]) == ("convex", 0.4, 1)
    assert plan["candidates"] == {"dense": 5, "keyword": 2, "fused": 5}
    assert set(plan["milliseconds"]) == {
        "embed",
        "refresh",
        "dense",
        "keyword",
        "fuse",
        "affinity",
        "fetch",
    }
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


def options(**asked: Any) -> SearchOptions:
    where = asked.pop("where", None)
    return SearchOptions(where=None if where is None else parse_filter(where), **asked)


@pytest.mark.parametrize("mode", MODES)
def test_only_what_passes_the_filter_is_found(
    retriever: HybridRetriever, write: Write, mode: SearchMode
) -> None:
    result = retriever.search("refund of tax", 10, options(where="uri=tax", mode=mode))
    assert [hit.uri for hit in result.hits] == ["tax"]
    assert result.plan["filter"] == {"matching": 1, "selectivity": 0.2, "dense": "scan"}
    assert not retriever.search("refund", 10, options(where="uri=none", mode=mode)).hits
    everything, unfiltered = (
        retriever.search("refund of tax", 10, options(where=where, mode=mode)).hits for where in ({}, None)
    )
    assert [hit.chunk_id for hit in everything] == [hit.chunk_id for hit in unfiltered]
    write(new="a new refund of tax")
    assert retriever.search("refund of tax", 10, options(where="uri=new", mode=mode)).hits


@pytest.mark.parametrize("kind", ["flat", "hnsw"])
def test_an_index_and_a_scan_find_the_same(
    store: Store, collection: Collection, write: Write, kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(**{f"d{i}": f"word{i} word{i % 7} word{i % 3}" for i in range(120)})
    indexes = open_indexes(store, collection, IndexSettings(kind=kind))
    indexes.refresh()
    for mode in MODES:
        found = []
        for scanned in (0, 1000):
            monkeypatch.setattr("ragent.retrieval.planner.SCANNED", scanned)
            monkeypatch.setattr("ragent.index.keyword._NAMED", scanned)
            monkeypatch.setattr("ragent.index.keyword._LOOKED_UP", 0)
            retriever = HybridRetriever(store, collection, indexes, HashedWords(), RetrievalSettings())
            found.append(retriever.search("word3 word1", 10, options(where="uri prefix d1", mode=mode)))
        assert {hit.uri[:2] for hit in found[0].hits} == {"d1"}
        assert [hit.chunk_id for hit in found[0].hits] == [hit.chunk_id for hit in found[1].hits]
        assert [result.plan["filter"]["dense"] for result in found] == ["index", "scan"]


def test_a_moved_document_leaves_the_filter_it_met(
    retriever: HybridRetriever, store: Store, collection: Collection
) -> None:
    asked = options(where="uri=boats")
    assert retriever.search("boats", 5, asked).hits
    boats = store.known_documents(collection.id)["boats"]
    store.apply(collection, Batch(moved=[Move(boats.id, "ships", "", "1", None)]))
    assert not retriever.search("boats", 5, asked).hits


@pytest.mark.parametrize("mode", MODES)
def test_the_best_chunk_of_each_document(
    store: Store, collection: Collection, write: Write, mode: SearchMode
) -> None:
    write(long="|".join(f"cats and cats number{i}" for i in range(30)), one="cats here", two="cats there")
    retriever = make(store, collection, candidates=5)
    hits = retriever.search("cats and cats", 3, options(by_document=True, mode=mode)).hits
    assert sorted(hit.uri for hit in hits) == ["long", "one", "two"]
    assert [hit.rank for hit in hits] == [1, 2, 3]


def test_a_hit_says_why(retriever: HybridRetriever) -> None:
    query = '"tax office" letter about kittens'
    result = retriever.search(query, 3, options(explain=True))
    why = result.hits[0].explanation
    assert why is not None
    assert why.dense is not None
    assert why.keyword == pytest.approx(sum(why.terms.values()), abs=1e-3)
    assert set(why.terms) == {"tax", "office", '"tax office"', "letter"}
    ceiling = result.plan["ceiling"]
    assert why.affinity is not None
    parts = 0.4 * why.dense + 0.6 * why.keyword / ceiling + 0.25 * why.affinity
    assert result.hits[0].score == pytest.approx(parts / 1.25, abs=1e-4)
    assert why.fusion.endswith(f"= {result.hits[0].score:.3f}")
    assert retriever.search(query, 3).hits[0].explanation is None
    for mode, text in (("dense", "the cosine"), ("keyword", "the BM25 score")):
        alone = retriever.search(query, 1, options(explain=True, mode=mode)).hits[0].explanation
        assert alone is not None
        assert alone.fusion == text


@pytest.mark.parametrize("mode", MODES)
def test_a_query_may_ask_for_words_in_a_field(store: Store, collection: Collection, mode: SearchMode) -> None:
    documents = [
        new_document("a", ["the budget of the harbour"], title="Minutes of May"),
        new_document("b", ["minutes about the budget"], title="Annual report"),
        new_document("c", ["the report was annual"], title="Report"),
    ]
    store.write(collection, documents)
    retriever = make(store, collection)

    def found(query: str) -> set[str]:
        return {hit.uri for hit in retriever.search(query, 5, options(mode=mode)).hits}

    assert found("title:minutes budget") == {"a"}
    assert found('title:"annual report" budget') == {"b"}
    assert found("heading:report") == {"b", "c"}
    assert found("title:minutes title:report") == set()
    assert found("title: minutes") >= {"a", "b"}
    assert found("title:the budget") >= {"a", "b"}
    result = retriever.search("title:minutes budget", 5)
    assert result.query == "title:minutes budget"
    assert result.plan["filter"]["matching"] == 1


@pytest.mark.parametrize("fusion", ["convex", "weighted_rrf"])
def test_weights_go_by_the_kind_of_query(
    store: Store, collection: Collection, write: Write, fusion: str
) -> None:
    write(**TEXTS)
    retriever = make(store, collection, fusion=fusion, dense_weights={"question": 1.0, "short": 0.0})
    weights = {
        query: retriever.search(query, 2).plan["dense_weight"]
        for query in ("who approves a refund?", "refund", "a manager approves every refund")
    }
    assert list(weights.values()) == [1.0, 0.0, 0.4]
