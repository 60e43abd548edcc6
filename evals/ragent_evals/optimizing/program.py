"""What can be improved: a program that answers cases, set up in one way or another."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from ragent.config import Settings
from ragent.errors import EvalError, RagentError
from ragent.prompts import Example, PromptTemplate, load_prompt, save_version
from ragent.rag import Rag
from ragent.rag.asking import Asking, Request
from ragent.types import Answer, Citation, SearchOptions
from ragent_evals.optimizing.candidate import Candidate, changed
from ragent_evals.optimizing.observing import Quote
from ragent_evals.optimizing.wording import instructed, write_examples
from ragent_evals.outcome import Cost, Outcome, Quoted
from ragent_evals.running.configuration import configuration, digest
from ragent_evals.running.records import inputs_digest
from ragent_evals.running.subjects import Given
from ragent_evals.running.texts import Ground, prepared
from ragent_evals.sets.case import Case, EvalSet

THRESHOLD = "ask.abstain_below"
_PROMPTS = {"think": "answer-cot", "quote": "point"}


@dataclass(frozen=True, slots=True)
class Tried:
    """What a program made of a case, and where its answer stands."""

    outcome: Outcome
    quote: Quote | None = None


class Program(Protocol):
    """Answers cases. The threshold of support is not its matter: it shows every answer it has."""

    @property
    def prompt(self) -> PromptTemplate:
        """The prompt that candidates change the instruction of."""

    @property
    def threshold(self) -> float:
        """The support below which it is silent, as it stands."""

    def key(self, candidate: Candidate, case: Case) -> str:
        """Tells all that decides what `run` gives."""

    def run(self, candidate: Candidate, case: Case) -> Tried:
        """What comes of a case."""

    def example(self, case: Case, quote: Quote | None) -> Example | None:
        """A case that went well as an example for others, if its document still says so."""


@dataclass(slots=True)
class RagProgram:
    """`ask` over the collection in use, or over the texts of a set in a collection of their own.

    Attributes:
        rag: whose settings are the start.
        scratch: a folder for the prompts that are tried: those of the home stay as they are.
        words: whether the words that an answer points at are its text, where it points at any.
    """

    rag: Rag
    of: EvalSet
    scratch: Path
    words: bool = False
    _ways: dict[str, Asking] = field(default_factory=dict)
    _digests: dict[str, str] = field(default_factory=dict)
    _grounds: dict[str, Ground] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def style(self) -> str:
        """How it answers as it stands."""
        return self._asking(Candidate()).style

    @property
    def prompt(self) -> PromptTemplate:
        """That of its style."""
        return self._prompt(self.style)

    @property
    def threshold(self) -> float:
        """That of the settings."""
        return self.rag.settings.ask.abstain_below

    def key(self, candidate: Candidate, case: Case) -> str:
        """A digest of settings, prompts, model, texts and question."""
        if candidate.digest not in self._digests:
            asking = self._asking(candidate)
            ground = self._ground(asking.settings)
            about = configuration(
                replace(ground, rag=self.rag.with_settings(asking.settings)), ("answer",), 0
            )
            self._digests[candidate.digest] = digest(about) + ground.corpus + candidate.digest
        said = f"{self._digests[candidate.digest]}{inputs_digest(case)}{self.words}"
        return hashlib.sha256(said.encode()).hexdigest()[:32]

    def run(self, candidate: Candidate, case: Case) -> Tried:
        """Ask. What fails is an outcome with an error."""
        began = time.process_time()
        asking = self._asking(candidate)
        ground = self._ground(asking.settings)
        try:
            if case.given:
                asking = replace(asking, retriever=given(ground, case.given))
            *_, answer = asking.stream(Request(case.question, None, (), None, SearchOptions()))
        except RagentError as error:
            cost = Cost(time.process_time() - began)
            return Tried(Outcome(case.id, error=str(error), cost=cost))
        assert isinstance(answer, Answer)  # noqa: S101 (a stream ends with the answer)
        return self._tried(case, answer, ground, time.process_time() - began)

    def example(self, case: Case, quote: Quote | None) -> Example | None:
        """The very words of the document, and the sentence that they are from."""
        if quote is None:
            return None
        found = self.rag.store.find_documents(quote.text_id)
        text = self.rag.store.document_text(found[0][0]) if found else None
        passage = (text or "")[quote.start : quote.end].strip()
        answer = (text or "")[quote.first : quote.last].strip()
        return Example(case.question, answer, (passage,)) if answer and passage else None

    def _tried(self, case: Case, answer: Answer, ground: Ground, seconds: float) -> Tried:
        best = max(answer.citations, key=lambda one: one.support, default=None)
        short = " ".join(one.short for one in answer.citations if one.short)
        quotes = tuple(
            Quoted(ground.text_id(one.uri), one.start, one.end, one.quote, True, one.marker, one.support)
            for one in answer.citations
        )
        outcome = Outcome(
            case.id,
            short if self.words and short else answer.text,
            answer.abstained,
            answer.support,
            quotes=quotes,
            cost=Cost(seconds, None, answer.usage.prompt_tokens, answer.usage.completion_tokens),
        )
        return Tried(outcome, _quote(best) if best else None)

    def _asking(self, candidate: Candidate) -> Asking:
        if candidate.digest not in self._ways:
            settings = changed(self.rag.settings, {**candidate.settings, THRESHOLD: 0.0})
            ground = self._ground(settings)
            home, settings = self._home(candidate, settings)
            rag = ground.rag.with_settings(
                settings.model_copy(update={"collection": ground.rag.settings.collection})
            )
            parts = rag.store, rag.retriever, rag.embedder
            self._ways[candidate.digest] = Asking(home, rag.settings, *parts, lambda: rag.llm)
        return self._ways[candidate.digest]

    def _ground(self, settings: Settings) -> Ground:
        """The collection for these settings: other passages need one of their own."""
        name = settings.chunking.model_dump_json()
        if not self.of.texts and settings.chunking != self.rag.settings.chunking:
            raise EvalError(
                "the length of passages can't be tuned on the collection in use",
                hint="a set with texts of its own is ingested anew for each length",
            )
        if name not in self._grounds:
            own = self.rag.with_settings(settings)
            self._grounds[name] = self._open.enter_context(prepared(own, self.of))
        return self._grounds[name]

    def _home(self, candidate: Candidate, settings: Settings) -> tuple[Path, Settings]:
        """Where the candidate's prompt and examples are, if it has any of its own."""
        if not candidate.instruction and not candidate.examples:
            return self.rag.home, settings
        home = self.scratch / candidate.digest
        prompts = home / "prompts"
        if (self.rag.home / "prompts").is_dir():
            shutil.copytree(self.rag.home / "prompts", prompts, dirs_exist_ok=True)
        style = settings.ask.style if settings.ask.style != "auto" else self.style
        template = self._prompt(style)
        if candidate.instruction:
            save_version(prompts, template.name, instructed(template, candidate.instruction), template.head)
        if candidate.examples:
            prompts.mkdir(parents=True, exist_ok=True)
            name = settings.ask.prompt.partition("@")[0]
            write_examples(prompts / f"{name}.examples.jsonl", candidate.examples)
        # A prompt of one's own would turn the style `auto` into another.
        return home, changed(
            settings, {"ask.style": style, "ask.prompt": settings.ask.prompt.partition("@")[0]}
        )

    def _prompt(self, style: str, home: Path | None = None) -> PromptTemplate:
        name = _PROMPTS.get(style, self.rag.settings.ask.prompt)
        return load_prompt(name, (home or self.rag.home) / "prompts")


def given(ground: Ground, text_ids: Sequence[str]) -> Given:
    """Finds nothing but certain texts. Raises EvalError for one that the collection doesn't hold."""
    rag = ground.rag
    known = rag.store.known_documents(rag.collection.id)
    uris = [ground.uri(text_id) for text_id in text_ids]
    if missing := [uri for uri in uris if uri not in known]:
        raise EvalError(f"the collection holds no text {missing[0]!r}", hint="is it in the set?")
    return Given(rag.store, rag.collection.id, [known[uri].id for uri in uris])


def _quote(citation: Citation) -> Quote:
    first = citation.quote.find(citation.short) if citation.short else 0
    length = len(citation.short or citation.quote)
    first = max(0, first)
    return Quote(
        citation.uri, citation.start, citation.end, citation.start + first, citation.start + first + length
    )
