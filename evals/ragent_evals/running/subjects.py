"""Subjects: what a case of each kind is put to, through the same doors as any user."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Protocol

from ragent.errors import EvalError, LLMError, MalformedOutput
from ragent.prompts import load_prompt
from ragent.rag import Rag
from ragent.rag.asking import Asking, Request
from ragent.retrieval import best_of_each_document
from ragent.store import Passage, Store
from ragent.types import Answer, Citation, Hit, Message, SearchMode, SearchOptions, SearchResult
from ragent_evals.agents.calling import Request as CallRequest
from ragent_evals.agents.calling import call
from ragent_evals.outcome import Cost, Found, Outcome, Quoted
from ragent_evals.running.texts import Ground
from ragent_evals.sets.case import Case, Kind

_SEARCHES_AT_ONCE = 64
_CHUNKS_A_DOCUMENT = 3
"""How many chunks are looked up for each document wanted, since several may be of the same one."""
_ASKS_FOR_ANY = "Give an example."
_NO_OPTIONS = SearchOptions()


class Subject(Protocol):
    """What cases are put to. Several threads may call `run` at once.

    Attributes:
        at_once: how many cases it takes in one call.
    """

    @property
    def at_once(self) -> int: ...

    def run(self, cases: Sequence[Case]) -> Sequence[Outcome]:
        """What came of each case, in order. Whatever it raises becomes the case's error."""
        ...


@dataclass(frozen=True, slots=True)
class Each:
    """A subject that takes one case after the other."""

    one: Callable[[Case], Outcome]
    at_once: int = 1

    def run(self, cases: Sequence[Case]) -> list[Outcome]:
        """What came of each."""
        return [self.one(case) for case in cases]


@dataclass(frozen=True, slots=True)
class Searching:
    """Searches for each case's question.

    A case that says which texts are relevant gets the best passage of each text; one that says where its
    answer stands gets passages.
    """

    ground: Ground
    depth: int
    mode: SearchMode | None = None
    at_once: int = _SEARCHES_AT_ONCE

    def run(self, cases: Sequence[Case]) -> list[Outcome]:
        """What was found, best first, `depth` at most. They are embedded together, and share the time."""
        began = time.perf_counter()
        queries = [case.question for case in cases]
        results = self.ground.rag.search_many(queries, self.depth * _CHUNKS_A_DOCUMENT, mode=self.mode)
        cost = Cost((time.perf_counter() - began) / len(cases))
        return [self._outcome(*each, cost) for each in zip(cases, results, strict=True)]

    def _outcome(self, case: Case, result: SearchResult, cost: Cost) -> Outcome:
        hits = best_of_each_document(result.hits) if case.relevant else result.hits
        return Outcome(case.id, found=_found(self.ground, hits[: self.depth]), cost=cost)


@dataclass(frozen=True, slots=True)
class Given:
    """A retriever that finds the passages of certain documents and no others, in this order."""

    store: Store
    collection_id: int
    document_ids: Sequence[int]

    def search(self, query: str, k: int, options: SearchOptions) -> SearchResult:
        """All of their passages, whatever the query and k."""
        chunks = [chunk for document in self.document_ids for chunk in self.store.chunks_of([document])]
        passages = self.store.passages(self.collection_id, chunks)
        hits = tuple(
            Hit(
                rank=rank,
                score=1 / rank,
                **{each.name: getattr(passages[chunk], each.name) for each in fields(Passage)},
            )
            for rank, chunk in enumerate(chunks, 1)
        )
        return SearchResult(query, hits, {"given": len(self.document_ids)})


@dataclass(frozen=True, slots=True)
class Answering:
    """Asks questions, over what a search finds or over the texts that a case gives."""

    ground: Ground

    def answer(self, case: Case) -> Outcome:
        """What was answered, each citation checked against the document that it names."""
        return replace(self._ask(case.question, case.given), case_id=case.id)

    def converse(self, case: Case) -> Outcome:
        """What was answered to each turn, asked with the turns before it; and the last of them as a whole."""
        said: list[Message] = []
        turns: list[Outcome] = []
        for number, turn in enumerate(case.turns, 1):
            outcome = self._ask(turn.question, case.given, said)
            turns.append(replace(outcome, case_id=f"{case.id}#{number}"))
            said += [Message("user", turn.question), Message("assistant", outcome.text)]
        if not turns:
            raise EvalError(f"the conversation {case.id!r} has no turn")
        costs = [turn.cost for turn in turns]
        cost = Cost(
            sum(each.seconds for each in costs),
            costs[0].first_token_seconds,
            sum(each.prompt_tokens for each in costs),
            sum(each.completion_tokens for each in costs),
            sum(each.reused_tokens for each in costs),
        )
        return replace(turns[-1], case_id=case.id, turns=tuple(turns), cost=cost)

    def _ask(self, question: str, given: Sequence[str], history: Sequence[Message] = ()) -> Outcome:
        began = time.perf_counter()
        rag = self.ground.rag
        answer = self._ask_over(question, given, history) if given else rag.ask(question, history=history)
        usage = answer.usage
        cost = Cost(
            time.perf_counter() - began,
            answer.timings.first_token_s,
            usage.prompt_tokens,
            usage.completion_tokens,
            usage.reused_tokens,
        )
        return Outcome(
            "",
            text=answer.text,
            abstained=answer.abstained,
            support=answer.support,
            found=_found(self.ground, answer.hits),
            quotes=tuple(self._quoted(each) for each in answer.citations),
            value=answer.value,
            cost=cost,
        )

    def _ask_over(self, question: str, given: Sequence[str], history: Sequence[Message]) -> Answer:
        rag = self.ground.rag
        known = rag.store.known_documents(rag.collection.id)
        uris = [self.ground.uri(text_id) for text_id in given]
        missing = [text_id for text_id, uri in zip(given, uris, strict=True) if uri not in known]
        if missing:
            raise EvalError(f"the collection holds no text {missing[0]!r}", hint="is it in the set?")
        retriever = Given(rag.store, rag.collection.id, [known[uri].id for uri in uris])
        asking = Asking(rag.home, rag.settings, rag.store, retriever, rag.embedder, lambda: rag.llm)
        *_, answer = asking.stream(Request(question, None, tuple(history), None, _NO_OPTIONS))
        if not isinstance(answer, Answer):
            raise LLMError("the stream ended without an answer")
        return answer

    def _quoted(self, citation: Citation) -> Quoted:
        text = self.ground.rag.store.document_text(citation.document_id) or ""
        return Quoted(
            self.ground.text_id(citation.uri),
            citation.start,
            citation.end,
            citation.quote,
            is_verbatim=text[citation.start : citation.end] == citation.quote,
            marker=citation.marker,
            support=citation.support,
        )


def generate_value(rag: Rag, case: Case) -> Outcome:
    """What the model writes under the case's schema. Output that misses it is kept, with the error."""
    began = time.perf_counter()
    try:
        made = rag.generate(case.question or _ASKS_FOR_ANY, case.schema)
    except MalformedOutput as error:
        seconds = time.perf_counter() - began
        return Outcome(case.id, text=error.text, error=_told(error), cost=Cost(seconds))
    usage = made.usage
    return Outcome(
        case.id,
        text=made.text,
        value=made.value,
        signals={"attempts": made.attempts, "closed": float(made.closed), "warnings": len(made.warnings)},
        cost=Cost(
            time.perf_counter() - began,
            None,
            usage.prompt_tokens,
            usage.completion_tokens,
            usage.reused_tokens,
        ),
    )


def make_call(rag: Rag, may_decline: bool, case: Case) -> Outcome:
    """The call that the model makes of the functions on offer, or none where it may decline."""
    began = time.perf_counter()
    request = CallRequest(case.question, case.functions, may_decline)
    made = call(rag.llm, request, load_prompt("call", rag.home / "prompts"))
    return Outcome(
        case.id,
        text=made.text,
        calls=made.calls,
        error=made.problem,
        cost=Cost(
            time.perf_counter() - began,
            None,
            made.usage.prompt_tokens,
            made.usage.completion_tokens,
            made.usage.reused_tokens,
        ),
    )


def may_decline(cases: Sequence[Case]) -> bool:
    """Whether a set has requests that no function is right for. Then the model may decline any of them."""
    return any(case.kind == "tools" and not case.calls for case in cases)


def open_subject(ground: Ground, kind: Kind, depth: int, *, declines: bool = False) -> Subject:
    """What cases of a kind are put to. Models that it needs are opened, so that what is missing is told now.

    Args:
        ground: what the set is run on.
        kind: of the cases.
        depth: how many passages a search gives.
        declines: whether a model that is to call a function may decline.

    Raises:
        RagentError: a model isn't there, or the collection is of another embedder.
    """
    rag = ground.rag
    if kind == "retrieval":
        _ = rag.retriever
        return Searching(ground, depth)
    if kind in ("answer", "turns"):
        _ = rag.retriever
        if rag.settings.ask.style != "extract":
            _ = rag.llm
        asked = Answering(ground)
        return Each(asked.answer if kind == "answer" else asked.converse)
    _ = rag.llm
    return Each(partial(generate_value, rag) if kind == "schema" else partial(make_call, rag, declines))


def failed(case: Case, error: Exception) -> Outcome:
    """The outcome of a case whose subject raised an error."""
    return Outcome(case.id, error=_told(error))


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _found(ground: Ground, hits: Sequence[Hit]) -> tuple[Found, ...]:
    return tuple(
        Found(ground.text_id(hit.uri), hit.score, hit.start, hit.end, hit.text, hit.page) for hit in hits
    )
