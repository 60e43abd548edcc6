from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text as sql

from ragent.config import IndexSettings
from ragent.corpus.graph.asking import ask_graph
from ragent.corpus.graph.building import build_graph
from ragent.corpus.graph.exporting import export_graph
from ragent.corpus.graph.knowledge import KnowledgeGraph
from ragent.corpus.graph.mentions import find_mentions, usage_of
from ragent.corpus.graph.reading import model_reader
from ragent.corpus.graph.relations import extract
from ragent.errors import ConfigError, QueryError, StoreError
from ragent.rag.forgetting import forget
from ragent.store import Collection, Store
from tests.agent.scripted import Scripted
from tests.making import FINGERPRINT, new_document

LETTERS = [
    "Ada Brandt founded Nordwind Works in 1907. The letters were kept in Elm Cottage.",
    "Nordwind Works was bought by Kestrel Holdings. A clerk noted the price.",
]
MINUTES = [
    "Present: Jonas Falk, Treasurer, and two others. The meeting was short.",
    "J. Falk wrote to Kestrel Holdings and to Ada Brandt about the roof of the mill.",
]


@pytest.fixture
def store(tmp_path: Path, store_url: str) -> Iterator[Store]:
    with Store.open(tmp_path / "home", store_url) as opened:
        collection = opened.ensure_collection("default", FINGERPRINT)
        opened.write(collection, [new_document("letters", LETTERS), new_document("minutes", MINUTES)])
        yield opened


def collection_of(store: Store) -> Collection:
    return store.require_collection("default")


def built(store: Store) -> KnowledgeGraph:
    build_graph(store, collection_of(store))
    return KnowledgeGraph.load(store, collection_of(store))


# -- reading a text ---------------------------------------------------------------------------------------


def names(text: str, whole: str = "") -> list[str]:
    return [text[one.start : one.end] for one in find_mentions(text, usage_of(whole or text))]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Work on the mole began under Josiah Pell.", ["Josiah Pell"]),
        ("The bank sent Orla Tresk's letter to the Bank of England.", ["Orla Tresk", "Bank of England"]),
        ("On Monday 3 June 2024 it cost EUR 400 at Berth 1.", ["Berth 1"]),
        ("We saw Crane No. 2 and a crane.", ["Crane No. 2"]),
        ("Then G. Vane met Müller-Åkesson in Łódź.", ["G. Vane", "Müller-Åkesson", "Łódź"]),
        ("ANNUAL REPORT\n\nnothing happened", []),
        ("Money was short. Money matters.", []),
        ("nothing at all, 12 % of 400", []),
    ],
)
def test_names_are_found(text: str, found: list[str]) -> None:
    assert names(text) == found


def test_a_name_cut_by_the_end_of_a_full_line_is_one() -> None:
    line = "the last instalment was paid early by what had become the old Skerrin\nHarbour Trust in that year"
    assert names(line) == ["Skerrin\nHarbour Trust"]
    assert names("see Orla Tresk\nHarbour Master") == ["Orla Tresk", "Harbour Master"]


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("Ada Brandt founded the Nordwind Works.", [("Ada Brandt", "founded", "Nordwind Works")]),
        ("In 1994 Berth 1, which was built by Tarrow Ironworks, opened.",
         [("Berth 1", "was built by", "Tarrow Ironworks")]),
        ("Ferries to Aldersay began with Lady Jane.", []),
        ("Benet Quill\n    Deputy Harbour Master. Room 2.", [("Benet Quill", "is", "Deputy Harbour Master")]),
        ("MV Solan arrived in 2009 and the cutter MV Tern in 2016.", []),
        ("It was sent to Oslo, Bergen and Tromsø.", []),
    ],
)  # fmt: skip
def test_what_is_said_of_two_names(text: str, facts: list[tuple[str, str, str]]) -> None:
    found = extract(text, usage_of(text))
    told = [
        (text[one.source.start : one.source.end], one.label, text[one.target.start : one.target.end])
        for one in found.relations
        if one.label
    ]
    assert told == facts


@settings(deadline=None)
@given(st.text(alphabet="AbČd é.,’'\n|-1ÉßX", max_size=120))
def test_whatever_is_read_stands_in_the_text(text: str) -> None:
    found = extract(text, usage_of(text))
    last = 0
    for mention in found.mentions:
        assert last <= mention.start < mention.end <= len(text)
        last = mention.end
    for relation in found.relations:
        for end in (relation.source, relation.target):
            assert relation.start <= end.start < end.end <= relation.end
            assert end in found.mentions


# -- the graph --------------------------------------------------------------------------------------------


def test_a_question_over_two_documents_is_answered_with_proofs(store: Store) -> None:
    answer = ask_graph(built(store), "How is Jonas Falk connected to Nordwind Works?")
    assert [entity.name for entity in answer.entities] == ["Jonas Falk", "Nordwind Works"]
    path = answer.paths[0]
    assert len(path) == 2
    assert {fact.uri for fact in path} == {"letters", "minutes"}
    for fact in path:
        text = store.document_text(fact.document_id) or ""
        assert text[fact.start : fact.end] == fact.quote
        assert any(name.split()[-1] in fact.quote for name in fact.source.names)
        assert any(name.split()[-1] in fact.quote for name in fact.target.names)


def test_one_name_gives_what_is_said_of_it(store: Store) -> None:
    answer = ask_graph(built(store), "who founded Nordwind Works?", count=1)
    assert [(fact.source.name, fact.label) for fact in answer.facts] == [("Ada Brandt", "founded")]
    assert answer.paths == ()


def test_initials_stand_for_the_only_name_they_fit(store: Store) -> None:
    graph = built(store)
    assert graph.find("J. Falk") == graph.find("Jonas Falk")
    assert set(graph.find("falk").names) == {"Jonas Falk", "J. Falk"}


def test_what_the_graph_does_not_know_is_said(store: Store) -> None:
    graph = built(store)
    with pytest.raises(QueryError, match="nothing called 'Zorro'"):
        graph.find("Zorro")
    with pytest.raises(QueryError, match="names nothing"):
        ask_graph(graph, "what is the weather like?")
    assert graph.paths(graph.find("Elm Cottage"), graph.find("Kestrel Holdings")) == []


def test_without_a_graph_it_says_how_to_build_one(store: Store) -> None:
    with pytest.raises(StoreError, match="no graph yet"):
        KnowledgeGraph.load(store, collection_of(store))


def test_only_new_chunks_are_read(store: Store) -> None:
    first = build_graph(store, collection_of(store))
    assert (first.chunks, build_graph(store, collection_of(store)).chunks) == (4, 0)
    store.write(collection_of(store), [new_document("letters", ["The preface is new.", *LETTERS])])
    again = build_graph(store, collection_of(store))
    assert again.chunks == 1
    assert (again.entities, again.relations) == (first.entities, first.relations)
    # The old chunks stand elsewhere in their document now.
    fact = next(
        one for one in KnowledgeGraph.load(store, collection_of(store)).facts if one.label == "founded"
    )
    assert (store.document_text(fact.document_id) or "")[fact.start : fact.end] == fact.quote
    assert store.check() == []
    assert build_graph(store, collection_of(store), force=True).chunks == 5


def test_a_build_that_stops_halfway_goes_on(store: Store) -> None:
    many = [f"Clerk {n} wrote to Kestrel Holdings." for n in range(450)]
    store.write(collection_of(store), [new_document("many", many)])

    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_graph(store, collection_of(store), on_progress=stop)
    assert store.check() == []
    assert build_graph(store, collection_of(store)).chunks == 254


def test_forgetting_leaves_no_name_of_the_document(store: Store) -> None:
    build_graph(store, collection_of(store))
    report = forget(store, ["minutes"], IndexSettings())
    assert report.proof.found == ()
    for path in store.home.rglob("*"):
        assert not path.is_file() or b"alk" not in path.read_bytes().lower().replace(b"walk", b"")
    graph = KnowledgeGraph.load(store, collection_of(store))
    assert {entity.key for entity in graph.entities} == {
        "ada brandt",
        "nordwind works",
        "elm cottage",
        "kestrel holdings",
    }
    assert {fact.uri for fact in graph.facts} == {"letters"}


def test_a_document_that_is_removed_takes_its_entities_with_it(store: Store) -> None:
    build_graph(store, collection_of(store))
    ids = [document.id for document in store.known_documents(collection_of(store).id).values()]
    store.remove(collection_of(store), ids[:1])
    with store.reading() as connection:
        keys = set(connection.scalars(sql("SELECT key FROM entities")))
    assert "elm cottage" not in keys
    assert "kestrel holdings" in keys
    assert store.check() == []


def test_fsck_finds_a_graph_that_does_not_fit(store: Store) -> None:
    build_graph(store, collection_of(store))
    with store.writing() as connection:
        connection.execute(sql('UPDATE mentions SET "end" = 1000 WHERE start = 0'))
        connection.execute(sql("INSERT INTO entities (collection_id, key, kind) VALUES (1, 'nobody', '')"))
    problems = [problem.what for problem in store.check()]
    assert "is mentioned by no chunk" in problems
    assert "ends before some of its mentions" in problems


def test_the_exports_hold_the_graph(store: Store, tmp_path: Path) -> None:
    graph = built(store)
    export_graph(graph, tmp_path / "graph.graphml")
    export_graph(graph, tmp_path / "graph.json")
    read = nx.read_graphml(tmp_path / "graph.graphml")
    assert {data["name"] for _, data in read.nodes(data=True)} == {entity.name for entity in graph.entities}
    labels = {data["label"] for *_, data in read.edges(data=True)}
    assert {"founded", "was bought by", "is", ""} <= labels
    plain = json.loads((tmp_path / "graph.json").read_text("utf-8"))
    assert (len(plain["nodes"]), len(plain["edges"])) == (len(graph.entities), len(graph.facts))
    with pytest.raises(ConfigError, match=r"format of graph\.dot"):
        export_graph(graph, tmp_path / "graph.dot")


# -- with a model -----------------------------------------------------------------------------------------

SENTENCE = "After the storm Ada Brandt, then the mayor, and her sister gave the clock to Elm Cottage."
FACT = {"source": "Ada Brandt", "label": "gave the clock to", "target": "Elm Cottage"}


@pytest.fixture
def gift(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "home") as opened:
        collection = opened.ensure_collection("default", FINGERPRINT)
        opened.write(collection, [new_document("gift", [SENTENCE]), new_document("letters", LETTERS)])
        yield opened


def labels_of(store: Store) -> set[str]:
    return {fact.label for fact in KnowledgeGraph.load(store, collection_of(store)).facts}


def test_a_model_finds_words_where_the_rules_find_none(gift: Store) -> None:
    build_graph(gift, collection_of(gift))
    assert labels_of(gift) == {"", "founded", "was bought by"}
    model = Scripted([json.dumps([FACT])])
    build_graph(gift, collection_of(gift), reader=model_reader(model))
    assert labels_of(gift) == {"gave the clock to", "founded", "was bought by"}
    assert model.allowed == [True]
    assert SENTENCE in model.heard[0][0].content
    assert build_graph(gift, collection_of(gift)).chunks == 0


@pytest.mark.parametrize(
    "change",
    [{"source": "Zorro"}, {"label": "stole from"}, {"target": "the clock"}, {"label": "to Elm"}],
)
def test_a_model_can_only_say_what_stands_there(gift: Store, change: dict[str, str]) -> None:
    model = Scripted([json.dumps([FACT | change]), "[]"])
    build_graph(gift, collection_of(gift), reader=model_reader(model))
    assert model.allowed[0] is False
    assert "" in labels_of(gift)


@pytest.mark.slow
def test_the_real_model_stays_within_the_sentence(gift: Store, tmp_path: Path) -> None:
    from ragent.config import LLMSettings
    from ragent.llm.llamacpp import open_llamacpp

    model = open_llamacpp(LLMSettings(n_ctx=1024, threads=1), tmp_path / "models")
    build_graph(gift, collection_of(gift), reader=model_reader(model))
    for fact in KnowledgeGraph.load(gift, collection_of(gift)).facts:
        assert fact.label in fact.quote.casefold()
