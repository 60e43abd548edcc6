"""From a question to an answer whose every quote was checked: retrieve, gate, prompt, draft, cite."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from ragent.errors import LLMError
from ragent.prompts import Example, Fitted, PromptTemplate, fit
from ragent.protocols import LLM, Embedder, Retriever
from ragent.rag.citing import Quote, Sources, Supported, own_words
from ragent.rag.focusing import Excerpt, focus, whole
from ragent.rag.pointing import Pointer, fitted
from ragent.rag.quoted import Quoting
from ragent.rag.reading import Reading
from ragent.rag.support import Support
from ragent.rag.thinking import Thinking, part_thought
from ragent.store import Store
from ragent.trace import span
from ragent.types import (
    Answer,
    Citation,
    Delta,
    Dropped,
    Hit,
    Message,
    PromptUsed,
    Sampling,
    SearchOptions,
    Timings,
    Usage,
)

NOTHING_RELEVANT = "I found nothing about this in your documents."
NOT_SUPPORTED = "Your documents touch on this, but I found no answer in them that I could prove with a quote."

NOT_SURE = "Your documents touch on this, but what I found in them is too unlikely to be the answer."
FULL = "the prompt was full"

Style = Literal["draft", "think", "quote", "extract"]


@dataclass(frozen=True, slots=True)
class Answerer:
    """Answers questions over one collection. In the style `extract` there is no need of a model.

    With a `pointer`, nothing is written: it finds the words that answer. An answer with less support than
    `abstain_below` is withheld.
    """

    store: Store
    retriever: Retriever
    llm: LLM | None
    template: PromptTemplate
    embedder: Embedder
    sampling: Sampling
    min_relevance: float
    focus_tokens: int
    style: Style = "draft"
    examples: Callable[[str], Sequence[Example]] = lambda question: ()
    pointer: Pointer | None = None
    abstain_below: float = 0.0

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
    prompts: list[PromptUsed] = field(default_factory=list)
    reasoning: str = ""
    support: float = 0.0
    _said: str = ""
    _held: Quoting | Thinking | None = None

    def run(self, k: int, options: SearchOptions) -> Iterator[str | Answer]:
        found = self.answerer.retriever.search(self.question, k, options)
        self.hits, relevance = found.hits, found.relevance
        self.retrieve_s = self._elapsed()
        if not self.hits or (relevance is not None and relevance < self.answerer.min_relevance):
            yield self._abstain(NOTHING_RELEVANT)
            return
        sources = Sources(self.question, self.hits, self.answerer.embedder)
        if self.answerer.pointer or self.answerer.style == "extract":
            with span("generate", "generate"):
                parts = self._found(sources)
            with span("check", "check"):
                answer = self._compose(parts, sources)
        else:
            yield from self._draft(sources)
            with span("check", "check"):
                answer = self._compose(self._checked(self._said, sources), sources)
        yield answer

    def _found(self, sources: Sources) -> list[Supported]:
        """The words of the documents themselves."""
        if self.answerer.pointer:
            return self._pointed(self.answerer.pointer, sources)
        return [own_words(quote) for quote in sources.aptest()]

    def _pointed(self, pointer: Pointer, sources: Sources) -> list[Supported]:
        found = pointer.find(Reading(self.question, self.answerer.embedder), sources)
        self.usage = Usage(prompt_tokens=sum(map(pointer.model.count_prompt, found.prompts)))
        self.prompts += pointer.used
        self.first_token_s = self._elapsed()
        return [found.answer] if found.answer else []

    def _draft(self, sources: Sources) -> Iterator[str]:
        with span("prompt", "prompt") as told:
            excerpts = self._excerpts(sources)
            fitted = self._fitted(excerpts)
            told.set({"ragent.prompt.name": self.answerer.template.used.name})
        sampling = self.answerer.sampling
        if self.answerer.style == "quote":
            kept = fitted.kept.get("passages", tuple(excerpts))
            self._held = Quoting([excerpt.hit for excerpt in kept], sampling)
        elif self.answerer.style == "think":
            self._held = Thinking(sampling, sources)
        shown = ""
        for delta in self._deltas(_marked(fitted.messages, excerpts)):
            if self.first_token_s is None and delta.text:
                self.first_token_s = self._elapsed()
            if delta.usage:
                self.usage = delta.usage
            self._said += delta.text
            before, shown = shown, self._shown()
            if len(shown) > len(before):
                yield shown[len(before) :]

    def _shown(self) -> str:
        return self._held.show(self._said) if isinstance(self._held, Thinking) else self._said

    def _fitted(self, excerpts: Sequence[Excerpt]) -> Fitted:
        """The prompt, with what it has room for; what it hasn't is noted."""
        answerer, template = self.answerer, self.answerer.template
        uses_examples = "examples" in template.variables
        values = {
            "passages": excerpts,
            "question": self.question,
            "examples": answerer.examples(self.question) if uses_examples else (),
        }
        budget = answerer.model.context_tokens - (answerer.sampling.max_tokens or 0)
        fitted = fit(template, values, count_prompt=answerer.model.count_prompt, budget=budget)
        self.prompts.append(template.used)
        for excerpt in fitted.left_out.get("passages", ()):
            self.dropped.append(Dropped("passage", excerpt.text, FULL, excerpt.hit.chunk_id))
        for example in fitted.left_out.get("examples", ()):
            self.dropped.append(Dropped("example", example.question, FULL))
        return fitted

    def _deltas(self, messages: Sequence[Message]) -> Iterator[Delta]:
        llm, sampling = self.answerer.model, self.answerer.sampling
        if self._held is None:
            return llm.stream(messages, sampling)
        return llm.stream(messages, self._held.sampling, self._held.constraint)

    def _excerpts(self, sources: Sources) -> list[Excerpt]:
        budget = self.answerer.focus_tokens
        if not budget:
            return whole(self.hits)
        excerpts = focus(sources, self.hits, self.answerer.embedder.tokenizer, budget)
        self.dropped += [
            Dropped(
                "passage",
                excerpt.left_out,
                "less to do with the question than what was kept",
                excerpt.hit.chunk_id,
            )
            for excerpt in excerpts
            if excerpt.left_out
        ]
        return [excerpt for excerpt in excerpts if excerpt.text]

    def _checked(self, draft: str, sources: Sources) -> list[Supported]:
        if isinstance(self._held, Thinking):
            self.reasoning = part_thought(draft).reasoning
        checked = self._held.read(draft) if self._held else list(sources.check(draft))
        self.dropped += [
            Dropped("sentence", part.sentence, "no passage supports it") for part in checked if not part.quote
        ]
        supported = [part for part in checked if part.quote]
        if not supported and (quote := sources.most_apt()):
            supported = [own_words(quote)]
        return supported

    def _compose(self, parts: Sequence[Supported], sources: Sources) -> Answer:
        support = Support(Reading(self.question, self.answerer.embedder), sources, fitted()["support"])
        citations: dict[tuple[int, int, int], Citation] = {}
        sentences: list[str] = []
        for part in parts:
            assert part.quote  # noqa: S101 (callers pass supported parts only)
            weight = round(support.of(part.quote, part.likelihood), 4)
            citation = self._cite(part, part.quote, len(citations) + 1, weight)
            if citation is None:
                self.dropped.append(Dropped("sentence", part.sentence, "its source changed meanwhile"))
                continue
            key = (citation.document_id, citation.start, citation.end)
            citation = citations.setdefault(key, citation)
            sentences.append(f"{part.sentence} [{citation.marker}]")
        if not sentences:
            return self._abstain(NOT_SUPPORTED)
        self.support = max(citation.support for citation in citations.values())
        if self.support < self.answerer.abstain_below:
            reason = f"its support, {self.support:.2f}, is below {self.answerer.abstain_below:g}"
            self.dropped += [Dropped("sentence", part.sentence, reason) for part in parts]
            return self._abstain(NOT_SURE)
        return self._answer(" ".join(sentences), tuple(citations.values()))

    def _cite(self, part: Supported, quote: Quote, marker: int, support: float) -> Citation | None:
        """The quote's address in its document, or None if the document doesn't say that (any more)."""
        hit = quote.hit
        start, end = hit.start + quote.start, hit.start + quote.end
        text = self.answerer.store.document_text(hit.document_id)
        if text is None or text[start:end] != quote.text:
            return None
        pages = self.answerer.store.document_pages(hit.document_id)
        page = next((number for number, first, last in pages if first <= start < last), hit.page)
        return Citation(
            marker=marker,
            uri=hit.uri,
            page=page,
            start=start,
            end=end,
            quote=quote.text,
            document_id=hit.document_id,
            chunk_id=hit.chunk_id,
            support=support,
            short=part.short,
        )

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
            reasoning=self.reasoning,
            prompts=tuple(self.prompts),
            support=self.support,
        )

    def _elapsed(self) -> float:
        return time.perf_counter() - self.began


def _marked(messages: Sequence[Message], excerpts: Sequence[Excerpt]) -> list[Message]:
    """The messages, told which whole passages they hold: an excerpt is other words for every question."""
    passages = [excerpt.text for excerpt in excerpts if not excerpt.left_out]
    return [
        replace(message, passages=tuple(text for text in passages if text in message.content))
        for message in messages
    ]
