"""Questions whose answer is in a passage that shares no word with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ragent.config import IndexSettings, RetrievalSettings
from ragent.filters import parse_filter
from ragent.retrieval import HybridRetriever, open_indexes
from ragent.retrieval.check import check_indexes
from ragent.retrieval.techniques.graph import NameGraph
from ragent.retrieval.techniques.naming import renew_names
from ragent.store import Collection, Store
from ragent.types import SearchMode, SearchOptions
from tests.making import HashedWords, new_document

PASSAGES = {
    "Dick Humbert": "Dick Humbert was an end who played for the Philadelphia Eagles after the war.",
    "Philadelphia Eagles": "The Philadelphia Eagles are a franchise at home in Pennsylvania.",
    "Kerry Saxby": "Kerry Saxby was a race walker who set many records.",
    "Chess": "White pieces move first, and a draw is half a point.",
    "Cooking": "The soup is in the pot, and who stirs it decides.",
    "Sailing": "Boats leave the harbour at dawn.",
    "Trains": "The night train from Bergen crosses the mountains.",
    "Bread": "Bread rises twice before it is baked.",
}
QUESTION = "which state is the team in that dick humbert played for"
MULTIHOP = SearchOptions(technique=("multihop",))


def fill(store: Store, collection: Collection, change: Callable[[str], str] = str) -> None:
    store.write(
        collection,
        [new_document(f"d:{title}", [change(text)], title=change(title)) for title, text in PASSAGES.items()],
    )


def make(store: Store, collection: Collection) -> HybridRetriever:
    indexes = open_indexes(store, collection, IndexSettings(kind="flat"))
    return HybridRetriever(store, collection, indexes, HashedWords(), RetrievalSettings())


@pytest.mark.parametrize("change", [str, str.lower, str.upper], ids=["as it is", "lower", "upper"])
def test_the_second_hop_is_found(store: Store, collection: Collection, change: Callable[[str], str]) -> None:
    fill(store, collection, change)
    retriever = make(store, collection)
    assert "d:Philadelphia Eagles" not in {hit.uri for hit in retriever.search(QUESTION, 2).hits}
    result = retriever.search(QUESTION, 2, MULTIHOP)
    assert {hit.uri for hit in result.hits} == {"d:Dick Humbert", "d:Philadelphia Eagles"}
    assert [hit.rank for hit in result.hits] == [1, 2]
    assert "philadelphia eagles" in result.plan["linked"]


def test_without_titles_the_shared_name_leads_there(store: Store, collection: Collection) -> None:
    store.write(collection, [new_document(f"d:{i}", [text]) for i, text in enumerate(PASSAGES.values())])
    result = make(store, collection).search(QUESTION, 2, replace(MULTIHOP, mode="keyword"))
    assert {hit.uri for hit in result.hits} == {"d:0", "d:1"}
    assert result.plan["linked"] == []


@pytest.mark.parametrize("mode", ["dense", "keyword"])
def test_one_side_alone_hops_too(store: Store, collection: Collection, mode: SearchMode) -> None:
    fill(store, collection)
    hits = make(store, collection).search(QUESTION, 8, replace(MULTIHOP, mode=mode)).hits
    uris = [hit.uri for hit in hits]
    plain = [hit.uri for hit in make(store, collection).search(QUESTION, 8, SearchOptions(mode)).hits]
    assert "d:Philadelphia Eagles" in uris
    if "d:Philadelphia Eagles" in plain:
        assert uris.index("d:Philadelphia Eagles") <= plain.index("d:Philadelphia Eagles")


def test_a_filter_holds_for_the_second_hop(store: Store, collection: Collection) -> None:
    fill(store, collection)
    where = parse_filter({"uri": {"!=": "d:Philadelphia Eagles"}})
    hits = make(store, collection).search(QUESTION, 8, replace(MULTIHOP, where=where)).hits
    assert hits
    assert "d:Philadelphia Eagles" not in {hit.uri for hit in hits}


def test_what_was_added_or_removed_since_counts(store: Store, collection: Collection) -> None:
    fill(store, collection)
    retriever = make(store, collection)
    retriever.search(QUESTION, 2, MULTIHOP)
    store.write(collection, [new_document("d:Dick Humbert", ["Dick Humbert played for Zurich Lions."])])
    store.write(collection, [new_document("d:new", ["A club in Switzerland."], title="Zurich Lions")])
    assert {hit.uri for hit in retriever.search(QUESTION, 2, MULTIHOP).hits} == {"d:Dick Humbert", "d:new"}
    store.remove(collection, [store.known_documents(collection.id)["d:new"].id])
    assert "d:new" not in {hit.uri for hit in retriever.search(QUESTION, 8, MULTIHOP).hits}


def test_a_walk_leads_to_what_shares_names(store: Store, collection: Collection) -> None:
    fill(store, collection)
    graph = NameGraph(store, collection)
    ids, scores = graph.rank({1: 1.0})
    assert set(ids.tolist()) == {1, 2}
    assert sorted(scores.tolist(), reverse=True) == scores.tolist()
    assert scores[0] == 1
    assert not len(graph.rank({})[0])
    assert not len(graph.rank({99: 1.0})[0])


def test_common_names_are_less_rare(store: Store, collection: Collection) -> None:
    fill(store, collection)
    graph = NameGraph(store, collection)
    assert graph.rarity("kerry saxby") == 1
    assert graph.mentions("philadelphia eagles") == 2
    assert 0 < graph.rarity("philadelphia eagles") < 1


def test_names_of_an_older_home_are_made_up_for(store: Store, collection: Collection) -> None:
    fill(store, collection)  # written as an older ragent did, without names
    with store.snapshot(collection) as snapshot:
        assert all(data is None for rows in snapshot.named() for _, _, data in rows)
    make(store, collection).search(QUESTION, 2, MULTIHOP)
    with store.snapshot(collection) as snapshot:
        assert all(data for rows in snapshot.named() for _, _, data in rows)


def test_wrong_names_are_found_and_mended(store: Store, collection: Collection) -> None:
    fill(store, collection)
    assert check_indexes(store, collection, IndexSettings(kind="flat")) == []
    renew_names(store, collection)
    assert check_indexes(store, collection, IndexSettings(kind="flat")) == []
    with store.snapshot(collection) as snapshot:
        held = {chunk: data for rows in snapshot.named() for chunk, _, data in rows}
    store.note_names({1: held[2] or b""})
    (problem,) = check_indexes(store, collection, IndexSettings(kind="flat"))
    assert "1 chunks hold names" in problem.what
    renew_names(store, collection)
    assert check_indexes(store, collection, IndexSettings(kind="flat")) == []


def test_names_go_with_their_chunk(store: Store, collection: Collection) -> None:
    fill(store, collection)
    renew_names(store, collection)
    store.remove(collection, [1])
    with store.snapshot(collection) as snapshot:
        named = [chunk for rows in snapshot.named() for chunk, _, _ in rows]
    assert 1 not in named
    store.note_names({1: b"12345678"})  # of a chunk that is gone: passed over
    assert store.check() == []


def test_an_empty_result_stays_empty(store: Store, collection: Collection) -> None:
    fill(store, collection)
    result = make(store, collection).search("zzz", 3, replace(MULTIHOP, mode="keyword"))
    assert result.hits == ()
