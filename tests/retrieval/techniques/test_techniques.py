"""Query techniques over small texts; a scripted model where one writes, and the real one at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from ragent import registry
from ragent.config import IndexSettings, LLMSettings, RetrievalSettings
from ragent.errors import ContextOverflow, LLMError, ModelNotFound, QueryError
from ragent.prompts import load_prompt
from ragent.protocols import LLM
from ragent.retrieval import HybridRetriever, open_indexes
from ragent.retrieval.context import Aids
from ragent.store import Collection, Store
from ragent.types import Delta, Hit, Message, Sampling, SearchMode, SearchOptions
from tests.making import HashedWords, new_document

TEXTS = {
    "refund": ["A manager approves every refund over the limit of 500 euros."],
    "money": ["Money is handed back by the manager.", "The manager signs each complaint."],
    "cats": ["Cats sleep on the warm roof. Kittens play with wool.", "Dogs bark. Cows do not."],
    "tax": ["The tax office sends a letter about each complaint and each refund."],
    "boats": ["Boats leave the harbour at dawn."],
}
WRITING = ("multi-query", "rag-fusion", "step-back", "decomposition", "hyde")
QUESTION = "who approves a refund"
NONSENSE = ("", "\n\n...\n---\n", "who approves a refund", "1. 2. 3.", "\x00\x07", "Sure! Here are queries:")
Make = Callable[..., HybridRetriever]


@dataclass
class Script:
    """Writes what it is told to write."""

    writes: str = ""
    context_tokens: int = 512
    name: str = "script"
    asked: list[tuple[str, Sampling]] = field(default_factory=list)

    def count_prompt(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content.split()) for message in messages)

    def stream(self, messages: Sequence[Message], sampling: Sampling) -> Iterator[Delta]:
        self.asked.append((messages[-1].content, sampling))
        if self.count_prompt(messages) > self.context_tokens:
            raise ContextOverflow("too long")
        if self.writes == "!":
            raise LLMError("the engine failed")
        yield Delta(self.writes)
        yield Delta("", "stop")


@pytest.fixture
def make(store: Store, collection: Collection) -> Make:
    """A retriever over the texts, with a model if given, and settings."""
    store.write(collection, [new_document(uri, texts) for uri, texts in TEXTS.items()])

    def make(model: LLM | None = None, **settings: object) -> HybridRetriever:
        aids = Aids(open_llm=lambda: model) if model else Aids()
        indexes = open_indexes(store, collection, IndexSettings(kind="flat"))
        chosen = RetrievalSettings(**settings)  # type: ignore[arg-type]
        return HybridRetriever(store, collection, indexes, HashedWords(), chosen, aids)

    return make


def by(*names: str, **options: object) -> SearchOptions:
    return replace(SearchOptions(technique=names), **options)  # type: ignore[arg-type]


def uris(hits: Sequence[Hit]) -> list[str]:
    return [hit.uri for hit in hits]


def test_every_technique_has_a_name() -> None:
    others = {"multihop", "prf", "sentence-window", "parent-document", "time-decay", "more-like-this"}
    assert {*WRITING, *others} <= set(registry.names("ragent.techniques"))


@pytest.mark.parametrize("name", WRITING)
def test_what_the_model_writes_is_searched_for_too(make: Make, name: str) -> None:
    model = Script("boats at the harbour")
    result = make(model).search(QUESTION, 6, by(name))
    plain = make().search(QUESTION, 6)
    assert uris(result.hits).index("boats") < uris(plain.hits).index("boats")
    assert result.query == QUESTION
    assert result.plan["technique"] == [name]
    (asked,) = model.asked
    assert QUESTION in asked[0]
    assert asked[1].max_tokens is not None
    assert asked[1].max_tokens <= 200


@pytest.mark.parametrize("name", WRITING)
@pytest.mark.parametrize("writes", NONSENSE)
def test_nonsense_changes_nothing(make: Make, name: str, writes: str) -> None:
    if name == "hyde" and any(sign.isalnum() for sign in writes):
        pytest.skip("a made-up passage is taken as it is")
    found = make(Script(writes)).search(QUESTION, 6, by(name))
    assert uris(found.hits)[0] == "refund"
    if name != "hyde":
        assert uris(found.hits) == uris(make().search(QUESTION, 6).hits)


@pytest.mark.parametrize("name", WRITING)
def test_a_question_too_long_for_the_model_is_searched_for_as_it_is(make: Make, name: str) -> None:
    found = make(Script("boats", context_tokens=3)).search(QUESTION, 6, by(name))
    assert uris(found.hits) == uris(make().search(QUESTION, 6).hits)


@pytest.mark.parametrize("name", WRITING)
def test_errors_of_the_model_reach_the_caller(make: Make, name: str) -> None:
    with pytest.raises(LLMError, match="the engine failed"):
        make(Script("!")).search(QUESTION, 3, by(name))
    with pytest.raises(ModelNotFound):
        make().search(QUESTION, 3, by(name))


def test_numbers_bullets_and_repetitions_are_no_part_of_a_query(make: Make) -> None:
    written = (
        'Here they are:\n1. Who signs?\n2) "who signs?"\n- Which manager\n\nWho approves a refund\n* more\n'
    )
    plan = make(Script(written)).search(QUESTION, 3, by("multi-query", mode="keyword")).plan
    assert plan["queries"] == ["Who signs?", "Which manager", "more"]


def test_no_more_queries_than_wanted(make: Make) -> None:
    model = Script("\n".join(f"question {word}" for word in ("one", "two", "three", "four")))
    plan = make(model, paraphrases=2).search(QUESTION, 3, by("rag-fusion")).plan
    assert plan["queries"] == ["question one", "question two"]


def test_a_passage_longer_than_the_embedder_reads_loses_its_last_sentences(make: Make) -> None:
    model = Script(" ".join(f"Sentence number {i} is about boats." for i in range(40)))
    passage = make(model).search(QUESTION, 3, by("hyde")).plan["passage"]
    assert passage.startswith("Sentence number 0")
    assert passage.endswith(".")
    assert len(passage.split()) <= HashedWords().max_tokens


def test_hyde_without_a_dense_side_asks_nobody(make: Make) -> None:
    model = Script("boats")
    found = make(model).search(QUESTION, 3, by("hyde", mode="keyword"))
    assert uris(found.hits) == uris(make().search(QUESTION, 3, SearchOptions("keyword")).hits)
    assert model.asked == []


def test_feedback_searches_for_what_the_first_hits_share(
    make: Make, store: Store, collection: Collection
) -> None:
    for uri, text in {
        "a": "The clerk grants a subsidy to farmers.",
        "b": "The clerk denies a subsidy to fishers.",
        "c": "Room nine belongs to the clerk.",
    }.items():
        store.write(collection, [new_document(uri, [text])])
    assert "c" not in uris(make().search("subsidy", 9, SearchOptions("keyword")).hits)
    found = make().search("subsidy", 9, by("prf", mode="keyword"))
    assert found.plan["words"] == ["clerk"]
    assert uris(found.hits)[2:] == ["c"]
    assert make().search("zebra", 3, by("prf", mode="keyword")).hits == ()


@pytest.mark.parametrize("mode", ["hybrid", "dense", "keyword"])
def test_feedback_keeps_what_fits_best(make: Make, mode: SearchMode) -> None:
    assert make().search("boats leave the harbour", 3, by("prf", mode=mode)).hits[0].uri == "boats"


def test_windows_and_parents_give_what_stands_around(make: Make) -> None:
    query = "kittens play with wool"
    window = make(expand_sentences=1).search(query, 1, by("sentence-window")).hits[0]
    parent = make().search(query, 1, by("parent-document")).hits[0]
    assert window.text == "Cats sleep on the warm roof. Kittens play with wool.\n\nDogs bark."
    assert parent.text == "\n\n".join(TEXTS["cats"])


def test_older_documents_lose_by_half_lives(store: Store, collection: Collection) -> None:
    now = datetime.now(UTC)
    for uri, days in (("new", 1), ("old", 400), ("older", 800)):
        new = new_document(uri, ["the same words about cranes"])
        date = (now - timedelta(days=days)).isoformat()
        store.write(collection, [replace(new, document=replace(new.document, metadata={"modified": date}))])
    store.write(collection, [new_document("undated", ["the same words about cranes"])])
    indexes = open_indexes(store, collection, IndexSettings(kind="flat"))
    retriever = HybridRetriever(
        store, collection, indexes, HashedWords(), RetrievalSettings(half_life_days=400)
    )
    hits = retriever.search("cranes", 4, by("time-decay")).hits
    assert uris(hits) == ["undated", "new", "old", "older"]
    assert hits[3].score / hits[2].score == pytest.approx(0.5, abs=0.01)


def test_dates_that_say_nothing_are_passed_over(store: Store, collection: Collection) -> None:
    new = new_document("odd", ["cranes"])
    meta = {"modified": "last spring", "date": 7, "created": None}
    store.write(collection, [replace(new, document=replace(new.document, metadata=meta))])
    indexes = open_indexes(store, collection, IndexSettings(kind="flat"))
    retriever = HybridRetriever(store, collection, indexes, HashedWords(), RetrievalSettings())
    (plain,) = retriever.search("cranes", 1).hits
    (aged,) = retriever.search("cranes", 1, by("time-decay")).hits
    assert aged.score == pytest.approx(plain.score, rel=0.01)


def test_more_like_a_document_or_a_passage(make: Make, store: Store, collection: Collection) -> None:
    store.write(collection, [new_document("cats2", ["Kittens sleep on a warm roof and play with wool."])])
    found = make().search("cats", 2, by("more-like-this"))
    assert found.hits[0].uri == "cats2"
    assert "cats" not in uris(found.hits)
    chunk = found.hits[0].chunk_id
    assert make().search(str(chunk), 1, by("more-like-this")).hits[0].uri == "cats"
    for unknown in ("nowhere", "999"):
        with pytest.raises(QueryError, match="no passage or document"):
            make().search(unknown, 1, by("more-like-this"))


def test_a_long_document_of_another_collection_is_no_model(
    make: Make, store: Store, collection: Collection
) -> None:
    other = store.ensure_collection("other", collection.fingerprint or HashedWords().fingerprint)
    store.write(other, [new_document("lone", [f"Word {i}." for i in range(401)])])
    store.write(collection, [new_document("lone", ["Kittens on a warm roof."])])
    assert make().search("lone", 1, by("more-like-this")).hits[0].uri == "cats"


def test_techniques_search_with_each_other(make: Make) -> None:
    model = Script("boats at the harbour")
    result = make(model).search(QUESTION, 6, by("multi-query", "parent-document"))
    assert result.plan["technique"] == ["multi-query", "parent-document"]
    assert result.plan["queries"] == ["boats at the harbour"]
    assert len({hit.document_id for hit in result.hits}) == len(result.hits)


def test_the_score_of_each_technique_is_noted(make: Make) -> None:
    (hit,) = make().search(QUESTION, 1, by("prf", "time-decay", explain=True)).hits
    assert hit.explanation is not None
    assert list(hit.explanation.stages) == ["time-decay", "prf"]
    assert hit.explanation.stages["prf"] == hit.score


@pytest.mark.parametrize("prompt", ["paraphrase", "hyde", "step-back", "decompose"])
def test_prompts_end_with_the_question(prompt: str) -> None:
    assert load_prompt(prompt).render(question="why?", count=3)[-1].content.endswith("why?")


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITING)
def test_the_real_model_does_no_harm(make: Make, name: str) -> None:
    from ragent.llm.llamacpp import open_llamacpp

    found = make(open_llamacpp(LLMSettings(n_ctx=512))).search(QUESTION, 6, by(name))
    assert "refund" in uris(found.hits)[:2]
    assert len({hit.chunk_id for hit in found.hits}) == len(found.hits)
