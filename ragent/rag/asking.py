"""What `Rag.ask` puts together: a conversation before a question, the answer, and the form it is put into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragent.config import Settings
from ragent.prompts import PromptTemplate, load_prompt
from ragent.protocols import LLM, Embedder, Retriever, Scoring
from ragent.rag.answering import Answerer, Style
from ragent.rag.condensing import Condensed, condense
from ragent.rag.exemplars import Exemplars
from ragent.rag.pointing import Pointer
from ragent.store import Store
from ragent.types import Answer, Message, SearchOptions

if TYPE_CHECKING:
    from ragent.rag.filling import Filling

_PROMPTS = {"think": "answer-cot", "quote": "quote"}


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, and how; see `Rag.ask`."""

    question: str
    k: int | None
    history: tuple[Message, ...]
    schema: Any
    options: SearchOptions


@dataclass(frozen=True, slots=True)
class Asking:
    """Answers requests over one collection. The language model is opened only where one is needed."""

    home: Path
    settings: Settings
    store: Store
    retriever: Retriever
    embedder: Embedder
    open_llm: Callable[[], LLM]

    def stream(self, request: Request) -> Iterator[str | Answer]:
        """Pieces of the draft, and at the end the Answer. Raises as `Rag.ask` does."""
        filling = None if request.schema is None else self._filling(request.schema)
        condensed = self._condensed(request) if request.history else None
        question = condensed.question if condensed else request.question
        for piece in self._answerer().stream(question, request.k or self.settings.ask.k, request.options):
            if isinstance(piece, Answer):
                answer = filling.fill(piece) if filling else piece
                yield condensed.noted(answer) if condensed else answer
            else:
                yield piece

    def _answerer(self) -> Answerer:
        ask = self.settings.ask
        llm = self._llm
        return Answerer(
            store=self.store,
            retriever=self.retriever,
            llm=llm,
            template=self._prompt(self._prompt_name),
            examples=self._exemplars.choose,
            style=self.style,
            sampling=self.settings.llm.sampling,
            embedder=self.embedder,
            min_relevance=ask.min_relevance,
            focus_tokens=ask.focus_tokens,
            pointer=self._pointer(llm) if self.style == "quote" else None,
            abstain_below=ask.abstain_below,
        )

    def _pointer(self, llm: LLM | None) -> Pointer | None:
        """None for a model that can't say how likely it finds a text; it then writes its quotes itself."""
        if llm is not None and isinstance(llm, Scoring):
            return Pointer(llm, self._prompt("point"), self._prompt("ask-back"))
        return None

    def _filling(self, schema: Any) -> Filling:
        from ragent.rag.filling import Filling

        sampling = self.settings.llm.sampling
        filling = Filling(self.open_llm(), self._prompt("fill"), sampling, schema, self._exemplars.choose)
        filling.check()
        return filling

    def _condensed(self, request: Request) -> Condensed:
        return condense(request.question, request.history, self._llm, self._prompt("condense-question"))

    @property
    def _llm(self) -> LLM | None:
        return None if self.style == "extract" else self.open_llm()

    @property
    def style(self) -> Style:
        """How it answers, where the settings leave it open, too."""
        ask = self.settings.ask
        if ask.style != "auto":
            return ask.style
        # What a user taught ragent about writing would be lost on a style that writes nothing.
        taught = ask.prompt != "answer" or ask.examples or self._prompt("answer").is_own
        return "draft" if taught or self.settings.llm.url else "quote"

    @property
    def _exemplars(self) -> Exemplars:
        return Exemplars(self.home, self.settings.ask.prompt, self.embedder, self.settings.ask.examples)

    @property
    def _prompt_name(self) -> str:
        return _PROMPTS.get(self.style, self.settings.ask.prompt)

    def _prompt(self, name: str) -> PromptTemplate:
        return load_prompt(name, self.home / "prompts")
