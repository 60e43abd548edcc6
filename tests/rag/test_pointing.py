"""Short answers, and that every quote stands where it is said to stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragent.prompts import load_prompt
from ragent.protocols import Constraint
from ragent.rag.answering import NOT_SURE, Answerer
from ragent.rag.asked import asked
from ragent.rag.pointing import Pointer
from ragent.rag.spans import LONGEST, spans, split_words
from ragent.store import Store
from ragent.types import Answer, Delta, Hit, Message, Sampling, SearchOptions, SearchResult, Usage
from tests.making import FINGERPRINT, HashedWords, WordTokenizer, new_document

CRANE = "The crane lifts 40 tonnes. It was built by Halvorsen in 1962."


@dataclass
class Likes:
    """A model that likes texts with its favourite in them, and says the rest of a question when asked to."""

    favourite: str = ""
    says: str = ""
    name: str = "likes"
    context_tokens: int = 4096
    scoring_tokens: int = 4096
    read: list[str] = field(default_factory=list)

    def count(self, texts: Sequence[str]) -> list[int]:
        return WordTokenizer().count(texts)

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        return WordTokenizer().offsets(text)

    def count_prompt(self, messages: Sequence[Message]) -> int:
        return sum(self.count([message.content for message in messages]))

    def log_likelihoods(
        self, messages: Sequence[Message], continuations: Sequence[str], begun: str = ""
    ) -> list[float]:
        self.read.append(messages[-1].content)
        liked = [bool(self.favourite) and self.favourite in text for text in continuations]
        lengths = self.count(continuations)
        return [-(1.0 if like else 100.0) * length for like, length in zip(liked, lengths, strict=True)]

    def stream(
        self, messages: Sequence[Message], sampling: Sampling, constraint: Constraint | None = None
    ) -> Iterator[Delta]:
        yield Delta(self.says)
        yield Delta("", "stop", Usage(1, 1, 0))


@dataclass(frozen=True)
class Found:
    hits: tuple[Hit, ...]

    def search(self, query: str, k: int, options: SearchOptions) -> SearchResult:
        return SearchResult(query, self.hits, {}, 0.9)


def answer(
    store: Store,
    question: str,
    *,
    style: Literal["draft", "quote", "extract"] = "quote",
    model: Likes | None = None,
    abstain_below: float = 0.0,
) -> Answer:
    collection = store.require_collection("default")
    documents = store.known_documents(collection.id).values()
    found = store.passages(collection.id, store.chunks_of([each.id for each in documents]))
    hits = tuple(
        Hit(n, 1.0, id_, p.document_id, p.uri, "", None, p.start, p.end, p.text, "", {})
        for n, (id_, p) in enumerate(found.items(), 1)
    )
    model = model or Likes()
    answerer = Answerer(
        store=store,
        retriever=Found(hits),
        llm=model,
        template=load_prompt("answer"),
        embedder=HashedWords(max_tokens=400),
        sampling=Sampling(max_tokens=64),
        min_relevance=0.2,
        focus_tokens=256,
        style=style,
        pointer=Pointer(model, load_prompt("point"), load_prompt("ask-back")) if style == "quote" else None,
        abstain_below=abstain_below,
    )
    *_, last = answerer.stream(question, 6, SearchOptions())
    assert isinstance(last, Answer)
    return last


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "home") as opened:
        fill(opened, ["A preface.", CRANE])
        yield opened


def fill(store: Store, passages: Sequence[str]) -> None:
    store.write(store.ensure_collection("default", FINGERPRINT), [new_document("file:///x", passages)])


@pytest.mark.parametrize(
    ("question", "short", "quote"),
    [
        ("When was the crane built?", "1962", "It was built by Halvorsen in 1962."),
        ("Who was it built by?", "Halvorsen", "It was built by Halvorsen in 1962."),
        ("How many tonnes does the crane lift?", "40", "The crane lifts 40 tonnes."),
    ],
)
def test_a_short_question_gets_a_short_answer(store: Store, question: str, short: str, quote: str) -> None:
    found = answer(store, question)
    (cited,) = found.citations
    assert short in cited.short
    assert len(cited.short.split()) <= 4
    assert found.text == f"{quote} [1]"
    assert [citation.quote for citation in found.citations] == [quote]
    assert found.citations[0].support == found.support > 0


def test_the_model_has_a_say(store: Store) -> None:
    model = Likes("Halvorsen")
    found = answer(store, "What of the crane: built when?", model=model)
    assert "Halvorsen" in found.citations[0].quote
    assert "The crane lifts 40 tonnes." in model.read[0]
    assert found.usage.prompt_tokens == sum(model.count(model.read))
    assert [prompt.name for prompt in found.prompts] == ["point", "ask-back"]


def test_a_question_for_reasons_gets_the_sentence(store: Store) -> None:
    assert answer(store, "How does the crane lift tonnes?").text == "The crane lifts 40 tonnes. [1]"


def test_too_little_support_is_said_and_listed(store: Store) -> None:
    sure = answer(store, "When was the crane built?")
    unsure = answer(store, "When was the crane built?", abstain_below=sure.support + 0.001)
    assert (unsure.abstained, unsure.text, unsure.citations) == (True, NOT_SURE, ())
    assert unsure.support == sure.support
    assert "below" in unsure.dropped[-1].reason
    assert not answer(store, "When was the crane built?", abstain_below=sure.support).abstained


WORDS = st.sampled_from(
    [
        *("the", "crane", "Oslo", "1962", "lifts", "é", "“so”", "(one", "two)", "naïve", "of", "3.5", "x;"),
        *("A.", "no", "built.", "in", "why?", "\t", "\n", "日本", "well-known", "$40"),
    ]
)
PASSAGES = st.lists(st.lists(WORDS, min_size=1, max_size=30).map(" ".join), min_size=1, max_size=4).map(
    lambda some: [text.strip() or "x" for text in some]
)


@settings(max_examples=40, deadline=None)
@given(PASSAGES, st.lists(WORDS, min_size=1, max_size=8).map(" ".join), PASSAGES)
def test_every_quote_resolves(passages: list[str], question: str, says: list[str]) -> None:
    with TemporaryDirectory() as home, Store.open(Path(home) / "home") as opened:
        fill(opened, passages)
        for style in ("quote", "draft", "extract"):
            found = answer(opened, f"When {question}", style=style, model=Likes(says=" ".join(says)))
            for citation in found.citations:
                text = opened.document_text(citation.document_id)
                assert text is not None
                assert text[citation.start : citation.end] == citation.quote
                assert 0 <= citation.support <= 1
            if style == "quote" and found.citations:
                (only,) = found.citations
                assert found.text.removesuffix(" [1]") in " ".join(only.quote.split())


@settings(deadline=None)
@given(st.lists(WORDS, max_size=30).map(" ".join))
def test_spans_are_whole_words_with_content(sentence: str) -> None:
    words = split_words(sentence)
    for span in spans(sentence, words):
        assert 0 <= span.first <= span.last < min(len(words), span.first + LONGEST)
        text = sentence[words[span.first].start : words[span.last].end]
        assert text == text.strip()
        assert text.count("(") == text.count(")")


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Who built it?", "who"),
        ("In what year was it built?", "year"),
        ("How many tonnes?", "many"),
        ("How is it lifted?", "how"),
        ("In which country is it?", "where"),
        ("Which crane?", "which"),
        ("Lift it!", "other"),
    ],
)
def test_what_is_asked_for(question: str, kind: str) -> None:
    assert asked(question).kind == kind
