"""The answering loop and its errors, with a scripted model; real models answer in tests/cli/test_ask.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import pytest

from ragent.errors import ContextOverflow, LLMError
from ragent.prompts import Example, load_prompt
from ragent.protocols import LLM, Constraint
from ragent.rag.answering import NOT_SUPPORTED, NOTHING_RELEVANT, Answerer
from ragent.rag.filling import Filling
from ragent.store import Store
from ragent.types import (
    Answer,
    Delta,
    Dropped,
    Hit,
    Message,
    Page,
    Sampling,
    SearchOptions,
    SearchResult,
    Usage,
)
from tests.making import FINGERPRINT, HashedWords, new_document
from tests.structured.sampling import Babbler

TEXT = "The crane lifts 40 tonnes. It was built by Halvorsen in 1962."


@dataclass
class Script:
    """Says what it is told to say."""

    says: str
    context_tokens: int = 2048
    name: str = "script"
    prompts: list[str] = field(default_factory=list)

    def count_prompt(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content.split()) for message in messages)

    def stream(
        self, messages: Sequence[Message], sampling: Sampling, constraint: Constraint | None = None
    ) -> Iterator[Delta]:
        self.prompts.append("\n".join(message.content for message in messages))
        if self.says == "!":
            raise LLMError("the engine failed")
        for word in self.says.split(" "):
            yield Delta(f"{word} ")
        yield Delta("", "stop", Usage(self.count_prompt(messages), len(self.says.split()), 0))


@dataclass
class Found:
    """A retriever that finds the given hits."""

    hits: tuple[Hit, ...]
    relevance: float | None = 0.9

    def search(self, query: str, k: int, options: SearchOptions) -> SearchResult:
        return SearchResult(query, self.hits[:k], {}, self.relevance)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def hits(store: Store) -> tuple[Hit, ...]:
    collection = store.ensure_collection("default", FINGERPRINT)
    store.write(collection, [new_document("file:///crane", ["Preface.", TEXT])])
    found = store.passages(collection.id, [2])[2]
    return (
        Hit(1, 1.0, 2, found.document_id, found.uri, "", None, found.start, found.end, found.text, "", {}),
    )


def answerer(
    store: Store,
    model: LLM | None,
    retriever: Found,
    focus_tokens: int = 256,
    style: Literal["draft", "think", "quote", "extract"] = "draft",
) -> Answerer:
    return Answerer(
        store=store,
        retriever=retriever,
        llm=model,
        template=load_prompt("answer"),
        embedder=HashedWords(),
        sampling=Sampling(max_tokens=64),
        min_relevance=0.2,
        focus_tokens=focus_tokens,
        style=style,
    )


def ask(of: Answerer, question: str = "How much does the crane lift?") -> Answer:
    *_, last = of.stream(question, 6, SearchOptions())
    assert isinstance(last, Answer)
    return last


def test_a_supported_answer_is_cited_at_its_place(store: Store, hits: tuple[Hit, ...]) -> None:
    answer = ask(answerer(store, Script("It lifts 40 tonnes."), Found(hits)))
    assert answer.text == "It lifts 40 tonnes. [1]"
    (citation,) = answer.citations
    assert citation.quote == "The crane lifts 40 tonnes."
    text = store.document_text(citation.document_id)
    assert text is not None
    assert text[citation.start : citation.end] == citation.quote
    assert answer.usage.completion_tokens == 4


def test_the_draft_streams_before_the_answer(store: Store, hits: tuple[Hit, ...]) -> None:
    *draft, last = answerer(store, Script("It lifts 40 tonnes."), Found(hits)).stream(
        "What lifts?", 1, SearchOptions()
    )
    assert "".join(str(piece) for piece in draft).split() == ["It", "lifts", "40", "tonnes."]
    assert isinstance(last, Answer)


def test_sentences_with_one_source_share_its_marker(store: Store, hits: tuple[Hit, ...]) -> None:
    answer = ask(
        answerer(store, Script("It lifts 40 tonnes. The crane lifts. Halvorsen built it."), Found(hits))
    )
    assert answer.text == "It lifts 40 tonnes. [1] The crane lifts. [1] Halvorsen built it. [2]"
    assert [citation.marker for citation in answer.citations] == [1, 2]


def test_what_nothing_supports_is_dropped_and_listed(store: Store, hits: tuple[Hit, ...]) -> None:
    says = "It lifts 40 tonnes. Pelicans adore it."
    answer = ask(answerer(store, Script(says), Found(hits)))
    assert answer.text == "It lifts 40 tonnes. [1]"
    assert [dropped.text for dropped in answer.dropped] == ["Pelicans adore it."]


def test_a_draft_without_support_gives_way_to_the_documents_own_words(
    store: Store, hits: tuple[Hit, ...]
) -> None:
    answer = ask(
        answerer(store, Script("Pelicans adore it."), Found(hits)), "What does the crane lift: tonnes?"
    )
    assert answer.text == "The crane lifts 40 tonnes. [1]"


def test_without_anything_to_prove_it_abstains(store: Store, hits: tuple[Hit, ...]) -> None:
    answer = ask(answerer(store, Script("Pelicans adore it."), Found(hits)), "zygote quasar")
    assert (answer.abstained, answer.text, answer.citations) == (True, NOT_SUPPORTED, ())


@pytest.mark.parametrize("relevance", [0.1, 0.0])
def test_nothing_relevant_and_no_model_runs(store: Store, hits: tuple[Hit, ...], relevance: float) -> None:
    model = Script("It lifts 40 tonnes.")
    answer = ask(answerer(store, model, Found(hits, relevance)))
    assert (answer.abstained, answer.text) == (True, NOTHING_RELEVANT)
    assert model.prompts == []


def test_a_source_that_changed_meanwhile_is_not_quoted(store: Store, hits: tuple[Hit, ...]) -> None:
    collection = store.require_collection("default")
    store.write(collection, [new_document("file:///crane", ["Preface.", "The crane was scrapped."])])
    answer = ask(answerer(store, Script("It lifts 40 tonnes."), Found(hits)))
    assert answer.abstained
    assert "changed meanwhile" in answer.dropped[-1].reason


def test_a_quote_carries_its_own_page(store: Store, hits: tuple[Hit, ...]) -> None:
    collection = store.require_collection("default")
    new = new_document("file:///crane", ["Preface.", TEXT])
    second = TEXT.index("It was") + len("Preface.\n\n")
    pages = (Page(1, 0, second), Page(2, second, len(new.document.text)))
    store.write(collection, [replace(new, document=replace(new.document, pages=pages))])
    answer = ask(answerer(store, Script("It lifts 40 tonnes. Halvorsen built it."), Found(hits)))
    assert [citation.page for citation in answer.citations] == [1, 2]


def test_passages_that_do_not_fit_are_listed(store: Store, hits: tuple[Hit, ...]) -> None:
    model = Script("It lifts 40 tonnes.", context_tokens=64 + 60)
    many = hits + tuple(
        Hit(n, 0.5, 2, hits[0].document_id, hits[0].uri, "", None, 0, 0, "the crane " * 20, "", {})
        for n in (2, 3)
    )
    answer = ask(answerer(store, model, Found(many), focus_tokens=0))
    assert [dropped.reason for dropped in answer.dropped] == ["the prompt was full"] * 2
    assert [dropped.chunk_id for dropped in answer.dropped] == [2, 2]
    assert not answer.abstained


def test_a_question_that_does_not_fit_is_an_error(store: Store, hits: tuple[Hit, ...]) -> None:
    with pytest.raises(ContextOverflow):
        ask(answerer(store, Script("", context_tokens=80), Found(hits)), "why " * 50)


def test_an_error_of_the_model_reaches_the_caller(store: Store, hits: tuple[Hit, ...]) -> None:
    with pytest.raises(LLMError, match="the engine failed"):
        ask(answerer(store, Script("!"), Found(hits)))


def test_a_model_that_thinks_first_is_held_to_its_answer_alone(store: Store, hits: tuple[Hit, ...]) -> None:
    says = '{"reasoning": "Pelicans adore it.", "answer": "It lifts 40 tonnes."}'
    *draft, answer = answerer(store, Script(says), Found(hits), style="think").stream(
        "How much does the crane lift?", 6, SearchOptions()
    )
    assert isinstance(answer, Answer)
    assert (answer.text, answer.reasoning) == ("It lifts 40 tonnes. [1]", "Pelicans adore it.")
    assert answer.dropped == ()
    assert "".join(map(str, draft)) == "Pelicans adore it.\n\nIt lifts 40 tonnes."


def test_examples_are_shown_and_never_cited(store: Store, hits: tuple[Hit, ...]) -> None:
    example = Example("What does the pelican eat?", "It eats fish.", ("Every pelican eats fish.",))
    model = Script("It lifts 40 tonnes. The pelican eats fish.")
    answer = ask(replace(answerer(store, model, Found(hits)), examples=lambda question: [example]))
    assert "Example passage: Every pelican eats fish." in model.prompts[0]
    assert model.prompts[0].index("Example answer: It eats fish.") < model.prompts[0].index("[1] The crane")
    assert [citation.quote for citation in answer.citations] == ["The crane lifts 40 tonnes."]
    assert [dropped.text for dropped in answer.dropped] == ["The pelican eats fish."]


def test_examples_give_way_before_passages_and_are_listed(store: Store, hits: tuple[Hit, ...]) -> None:
    example = Example("What does the pelican eat?", "It eats fish. " * 20)
    model = Script("It lifts 40 tonnes.", context_tokens=64 + 60)
    answer = ask(replace(answerer(store, model, Found(hits)), examples=lambda question: [example]))
    assert "pelican" not in model.prompts[0]
    assert answer.dropped == (Dropped("example", example.question, "the prompt was full"),)


def test_an_answer_names_the_prompts_it_comes_from(store: Store, hits: tuple[Hit, ...]) -> None:
    answer = ask(answerer(store, Script("It lifts 40 tonnes."), Found(hits)))
    assert answer.prompts == (load_prompt("answer").used,)
    filled = Filling(Babbler(), load_prompt("fill"), Sampling(max_tokens=30), {"const": 1}).fill(answer)
    assert filled.prompts == (*answer.prompts, load_prompt("fill").used)


@pytest.mark.parametrize("seed", range(5))
def test_a_quoting_model_can_cite_only_what_stands_there(
    store: Store, hits: tuple[Hit, ...], seed: int
) -> None:
    quoting = replace(
        answerer(store, Babbler(), Found(hits), style="quote"), sampling=Sampling(max_tokens=150, seed=seed)
    )
    answer = ask(quoting)
    assert answer.citations
    assert not any("meanwhile" in dropped.reason for dropped in answer.dropped)
    text = store.document_text(hits[0].document_id)
    assert text is not None
    assert all(text[c.start : c.end] == c.quote for c in answer.citations)


def test_a_statement_that_says_more_than_its_quote_gives_way_to_it(
    store: Store, hits: tuple[Hit, ...]
) -> None:
    pairs = [
        "> The crane lifts 40 tonnes.",
        "It lifts 90 tonnes.",
        "> built by Halvorsen",
        "Halvorsen built it.",
    ]
    says = "\n".join([*pairs, ""])
    answer = ask(answerer(store, Script(says), Found(hits), style="quote"))
    assert answer.text == "The crane lifts 40 tonnes. [1] Halvorsen built it. [2]"
    assert [citation.quote for citation in answer.citations] == [
        "The crane lifts 40 tonnes.",
        "built by Halvorsen",
    ]


def test_extracts_need_no_model(store: Store, hits: tuple[Hit, ...]) -> None:
    answer = ask(answerer(store, None, Found(hits), style="extract"), "What does the crane lift: tonnes?")
    assert answer.text == "The crane lifts 40 tonnes. [1]"
    assert ask(answerer(store, None, Found(hits), style="extract"), "zygote quasar").abstained


def test_an_answer_is_put_into_a_form(store: Store, hits: tuple[Hit, ...]) -> None:
    answer = ask(answerer(store, Script("It lifts 40 tonnes."), Found(hits)))
    wanted: dict[str, Any] = {
        "type": "object",
        "properties": {"tonnes": {"const": 40}},
        "required": ["tonnes"],
    }
    model = Babbler()
    filled = Filling(model, load_prompt("fill"), Sampling(max_tokens=60), wanted).fill(answer)
    assert filled.value == {"tonnes": 40}
    assert filled.citations == answer.citations
    assert filled.usage.completion_tokens > answer.usage.completion_tokens
    assert "It lifts 40 tonnes." in model.heard[0][-1].content
    abstained = replace(answer, abstained=True)
    assert Filling(model, load_prompt("fill"), Sampling(), wanted).fill(abstained).value is None


def test_a_form_too_long_for_the_context_is_an_error(store: Store, hits: tuple[Hit, ...]) -> None:
    answer = ask(answerer(store, Script("It lifts 40 tonnes."), Found(hits)))
    model = Babbler(context_tokens=70)
    with pytest.raises(ContextOverflow, match="fill"):
        Filling(model, load_prompt("fill"), Sampling(max_tokens=60), {"type": "object"}).fill(answer)
