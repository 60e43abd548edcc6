"""From a question to an answer whose every quote was checked: retrieve, gate, prompt, draft, cite."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ragent.errors import LLMError
from ragent.prompts import PromptTemplate, fit_passages
from ragent.protocols import LLM, Embedder, Retriever
from ragent.rag.citing import Quote, Sources, Supported
from ragent.rag.focusing import Excerpt, focus, whole
from ragent.rag.quoted import Quoting
from ragent.store import Store
from ragent.types import (
    Answer,
    Citation,
    Delta,
    Dropped,
    Hit,
    Message,
    Sampling,
    SearchOptions,
    Timings,
    Usage,
)

NOTHING_RELEVANT = "I found nothing about this in your documents."
NOT_SUPPORTED = "Your documents touch on this, but I found no answer in them that I could prove with a quote."


@dataclass(frozen=True, slots=True)
class Answerer:
    """Answers questions over one collection. In the style `extract` there is no need of a model."""

    store: Store
    retriever: Retriever
    llm: LLM | None
    template: PromptTemplate
    embedder: Embedder
    sampling: Sampling
    min_relevance: float
    focus_tokens: int
    style: Literal["draft", "quote", "extract"] = "draft"

    @property
    def model(self) -> LLM:
        """The model. Raises LLMError if there is none."""
        if self.llm is None:
            raise LLMError("there is no model to write an answer", hint='set [ask] style = "extract"')
        return self.llm

    def stream(self, question: str, k: int, options: SearchOptions) -> Iterator[str | Answer]:
        """Pieces of the model's draft as they come, and at the end the Answer that was checked.

        The draft is what the model says; the Answer keeps of it only what the passages support.

        Raises:
            RagentError: the question is empty, the collection has nothing in it, or the model failed.
        """
        return _Attempt(self, question).run(k, options)


@dataclass(slots=True)
class _Attempt:
    answerer: Answerer
    question: str
    began: float = field(default_factory=time.perf_counter)
    retrieve_s: float = 0.0
    first_token_s: float | None = None
    hits: tuple[Hit, ...] = ()
    dropped: list[Dropped] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    _quoting: Quoting | None = None

    def run(self, k: int, options: SearchOptions) -> Iterator[str | Answer]:
        found = self.answerer.retriever.search(self.question, k, options)
        self.hits, relevance = found.hits, found.relevance
        self.retrieve_s = self._elapsed()
        if not self.hits or (relevance is not None and relevance < self.answerer.min_relevance):
            yield self._abstain(NOTHING_RELEVANT)
            return
        sources = Sources(self.question, self.hits, self.answerer.embedder)
        if self.answerer.style == "extract":
            yield self._compose(
                [Supported(" ".join(quote.text.split()), quote) for quote in sources.aptest()]
            )
            return
        draft: list[str] = []
        for piece in self._draft(sources):
            draft.append(piece)
            yield piece
        yield self._checked("".join(draft), sources)

    def _draft(self, sources: Sources) -> Iterator[str]:
        answerer = self.answerer
        fitted = fit_passages(
            answerer.template,
            self._excerpts(sources),
            self.question,
            count_prompt=answerer.model.count_prompt,
            budget=answerer.model.context_tokens - (answerer.sampling.max_tokens or 0),
        )
        self.dropped += [
            Dropped("passage", excerpt.text, "the prompt was full") for excerpt in fitted.left_out
        ]
        if answerer.style == "quote":
            self._quoting = Quoting([excerpt.hit for excerpt in fitted.kept], answerer.sampling)
        for delta in self._deltas(fitted.messages):
            if self.first_token_s is None and delta.text:
                self.first_token_s = self._elapsed()
            if delta.usage:
                self.usage = delta.usage
            if delta.text:
                yield delta.text

    def _deltas(self, messages: Sequence[Message]) -> Iterator[Delta]:
        llm, sampling = self.answerer.model, self.answerer.sampling
        if self._quoting is None:
            return llm.stream(messages, sampling)
        return llm.stream(messages, self._quoting.sampling, self._quoting.constraint)

    def _excerpts(self, sources: Sources) -> list[Excerpt]:
        budget = self.answerer.focus_tokens
        if not budget:
            return whole(self.hits)
        excerpts = focus(sources, self.hits, self.answerer.embedder.tokenizer, budget)
        self.dropped += [
            Dropped("passage", excerpt.left_out, "less to do with the question than what was kept")
            for excerpt in excerpts
            if excerpt.left_out
        ]
        return [excerpt for excerpt in excerpts if excerpt.text]

    def _checked(self, draft: str, sources: Sources) -> Answer:
        checked = self._quoting.read(draft) if self._quoting else list(sources.check(draft))
        self.dropped += [
            Dropped("sentence", part.sentence, "no passage supports it") for part in checked if not part.quote
        ]
        supported = [part for part in checked if part.quote]
        if not supported and (quote := sources.most_apt()):
            supported = [Supported(" ".join(quote.text.split()), quote)]
        return self._compose(supported)

    def _compose(self, parts: Sequence[Supported]) -> Answer:
        citations: dict[tuple[int, int, int], Citation] = {}
        sentences: list[str] = []
        for part in parts:
            assert part.quote  # noqa: S101 (callers pass supported parts only)
            citation = self._cite(part.quote, marker=len(citations) + 1)
            if citation is None:
                self.dropped.append(Dropped("sentence", part.sentence, "its source changed meanwhile"))
                continue
            key = (citation.document_id, citation.start, citation.end)
            citation = citations.setdefault(key, citation)
            sentences.append(f"{part.sentence} [{citation.marker}]")
        if not sentences:
            return self._abstain(NOT_SUPPORTED)
        return self._answer(" ".join(sentences), tuple(citations.values()))

    def _cite(self, quote: Quote, marker: int) -> Citation | None:
        """The quote's address in its document, or None if the document doesn't say that (any more)."""
        hit = quote.hit
        start, end = hit.start + quote.start, hit.start + quote.end
        text = self.answerer.store.document_text(hit.document_id)
        if text is None or text[start:end] != quote.text:
            return None
        pages = self.answerer.store.document_pages(hit.document_id)
        page = next((number for number, first, last in pages if first <= start < last), hit.page)
        return Citation(marker, hit.uri, page, start, end, quote.text, hit.document_id, hit.chunk_id)

    def _abstain(self, text: str) -> Answer:
        return self._answer(text, (), abstained=True)

    def _answer(self, text: str, citations: tuple[Citation, ...], *, abstained: bool = False) -> Answer:
        timings = Timings(self.retrieve_s, self.first_token_s, self._elapsed())
        return Answer(
            question=self.question,
            text=text,
            abstained=abstained,
            citations=citations,
            dropped=tuple(self.dropped),
            usage=self.usage,
            timings=timings,
            hits=self.hits,
        )

    def _elapsed(self) -> float:
        return time.perf_counter() - self.began
