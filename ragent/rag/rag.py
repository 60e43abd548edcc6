"""Rag: the one object most users need. It opens what it needs when it needs it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

from ragent.config import Settings, find_config, find_home, load_settings
from ragent.errors import RagentError
from ragent.ingest import Callbacks, Options, Origin, Progress, ReembedReport, Watching
from ragent.ingest.choosing import absolute, local_root
from ragent.ingest.watching import follow
from ragent.protocols import LLM, Embedder, Source
from ragent.rag.asking import Asking, Request
from ragent.rag.forgetting import ForgetReport, forget
from ragent.rag.intake import Intake
from ragent.rag.judged import Judgement, keep_judgement
from ragent.rag.options import SearchArguments, search_options
from ragent.rag.parts import Parts
from ragent.rag.reembedding import abandon_reembedding, reembed_collection
from ragent.rag.tracing import traced_answer, traced_ingestion
from ragent.retrieval import CollectionIndexes, HybridRetriever, check_indexes
from ragent.retrieval.techniques.naming import renew_names
from ragent.store import Collection, Problem, Store
from ragent.trace import Attributes, Tracer
from ragent.types import Answer, DocumentReport, IngestReport, Message, SearchResult, Tool

if TYPE_CHECKING:
    from ragent.structured import Structured


class Rag:
    """A home with one of its collections: ingest, search, ask.

    Nothing is opened or loaded before it is needed. Safe to share between threads.
    """

    def __init__(self, home: Path, settings: Settings) -> None:
        self.home = home
        self.settings = settings
        self._parts = Parts(home, settings)

    @classmethod
    def open(cls, home: str | Path | None = None, **settings: Any) -> Self:
        """Open a home (made on first ingest), with its `ragent.toml` or that of the current folder, if any.

        `settings` win over both, as in `Rag.open("my-home", collection="law", llm={"n_ctx": 4096})`.

        Raises:
            ConfigError: a setting is unknown or impossible.
        """
        found = find_home(home)
        return cls(found, load_settings(find_config(found), **settings))

    @classmethod
    def from_config(cls, path: str | Path, home: str | Path | None = None) -> Self:
        """Open a home with the settings of one file. Raises ConfigError."""
        return cls(find_home(home), load_settings(Path(path)))

    def with_settings(self, settings: Settings) -> Self:
        """This home under other settings: all parts that they don't change are shared, models above all.

        Close this one last.
        """
        made = type(self)(self.home, settings)
        made._parts = self._parts.under(settings)
        return made

    def close(self) -> None:
        """Release files and connections. The object can't be used afterwards."""
        self._parts.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- parts ------------------------------------------------------------------------------------------

    @property
    def store(self) -> Store:
        """The database of the home."""
        return self._parts.store

    @property
    def embedder(self) -> Embedder:
        """The model that turns text into vectors."""
        return self._parts.embedder

    @property
    def llm(self) -> LLM:
        """The language model; loading it takes a moment."""
        return self._parts.llm

    @property
    def collection(self) -> Collection:
        """The collection in use. Raises StoreError while it is empty."""
        return self._parts.collection

    @property
    def indexes(self) -> CollectionIndexes:
        """The derived indexes of the collection."""
        return self._parts.indexes

    @property
    def retriever(self) -> HybridRetriever:
        """What `search` and `ask` search with. Raises EmbedderMismatch if the settings name another model."""
        return self._parts.retriever

    @property
    def tracer(self) -> Tracer:
        """Records what is done here, as `[trace]` says. Raises as `store` does, or MissingExtraError."""
        return self._parts.tracer

    # -- verbs ------------------------------------------------------------------------------------------

    def ingest(
        self,
        *paths: str | Path,
        force: bool = False,
        on_progress: Callable[[Progress], None] = lambda _: None,
        should_stop: Callable[[], bool] = lambda: False,
        on_document: Callable[[DocumentReport], None] = lambda _: None,
    ) -> IngestReport:
        """Bring files, folders and URLs in. What is unchanged since last time is skipped, unless `force`.

        A file that can't be read or parsed is reported in `failed` and stops nothing. The places are
        remembered for `sync`.

        Raises:
            SourceError: no source takes a path or URL.
            EmbedderMismatch: the collection was embedded by another model.
            StoreError: the home can't be used.
        """
        callbacks = Callbacks(on_progress=on_progress, should_stop=should_stop, on_document=on_document)
        names, options = [str(path) for path in paths], Options(force=force)
        return self._traced("ingest", lambda: self._intake.ingest(names, callbacks, options))

    def ingest_sources(
        self, sources: Iterable[Source], callbacks: Callbacks, *, force: bool = False
    ) -> IngestReport:
        """Like `ingest`, from any sources, with any way to parse. They are not remembered."""
        origins, options = [Origin(source) for source in sources], Options(force=force)
        return self._traced("ingest", lambda: self._intake.run(origins, callbacks, options))

    def sync(
        self,
        *,
        delete: bool = False,
        delete_all: bool = False,
        dry_run: bool = False,
        on_progress: Callable[[Progress], None] = lambda _: None,
        should_stop: Callable[[], bool] = lambda: False,
        on_document: Callable[[DocumentReport], None] = lambda _: None,
    ) -> IngestReport:
        """Bring everything that was ever ingested up to date.

        A file that was moved keeps its chunks. Documents whose file is gone are removed with `delete` only,
        and those of a source that lists nothing at all any more with `delete_all` only: its disk may not be
        mounted. With `dry_run` nothing is written: the report says what would be done.

        Raises:
            StoreError: nothing was ingested yet, or the home can't be used.
            EmbedderMismatch: the collection was embedded by another model.
        """
        callbacks = Callbacks(on_progress=on_progress, should_stop=should_stop, on_document=on_document)
        options = Options(delete=delete or delete_all, delete_all=delete_all, dry_run=dry_run)
        return self._traced("sync", lambda: self._intake.sync(callbacks, options))

    def watch(
        self,
        *paths: str | Path,
        delete: bool = False,
        stop: threading.Event | None = None,
        on_report: Callable[[IngestReport], None] = lambda _: None,
        on_document: Callable[[DocumentReport], None] = lambda _: None,
    ) -> None:
        """Ingest files and folders, and again after each change in them, until `stop` is set.

        Raises as `ingest` does, and SourceError for what is no file or folder of this machine.
        """
        until = stop or threading.Event()
        callbacks = Callbacks(should_stop=until.is_set, on_document=on_document)
        roots = [local_root(str(path)) for path in paths]
        arguments = [absolute(str(path)) for path in paths]
        for _ in follow(roots, until, beside=self.home):
            options = Options(delete=delete)
            report = self._traced("watch", lambda: self._intake.ingest(arguments, callbacks, options))  # noqa: B023
            if report.added or report.updated:
                self.refresh_indexes()
            on_report(report)

    def forget(self, *documents: str | int) -> ForgetReport:
        """Remove documents (by id, uri or path) from every table, index and file of the home, and prove it.

        Raises:
            StoreError: there is no such document, or another process keeps the home busy.
        """
        names = [str(document) for document in documents]
        self._parts.flush_traces()  # they may hold texts, which go, too
        return forget(self.store, names, self.settings.index)

    def _traced(self, name: str, run: Callable[[], IngestReport]) -> IngestReport:
        return traced_ingestion(self.tracer, name, self.settings.collection, run)

    @property
    def _intake(self) -> Intake:
        return Intake(self.store, self.embedder, self.settings)

    def refresh_indexes(self, on_progress: Callable[[int, int], None] = lambda done, total: None) -> None:
        """Bring the derived indexes up to date and save them. A search does so too, if need be."""
        self.indexes.refresh(on_progress)

    def rebuild_indexes(self, on_progress: Callable[[int, int], None] = lambda done, total: None) -> None:
        """Make all that is derived from the texts anew: the indexes, and the names in each passage."""
        self.indexes.rebuild(on_progress)
        renew_names(self.store, self.collection)

    def search(self, query: str, k: int = 10, **options: Unpack[SearchArguments]) -> SearchResult:
        """The `k` best chunks, as in `rag.search("tax", where={"year": {">=": 2020}}, by_document=True)`.

        Raises:
            StoreError: nothing was ingested yet.
            EmbedderMismatch: the collection was embedded by another model.
            QueryError: the query is empty, or the filter can't be understood.
            ConfigError: no reranker or technique has that name.
        """
        return self.search_many([query], k, **options)[0]

    def search_many(
        self, queries: Sequence[str], k: int = 10, **options: Unpack[SearchArguments]
    ) -> list[SearchResult]:
        """Like `search`, for many queries, embedded together."""
        with self.tracer.span("search", "search", {"ragent.collection": self.settings.collection}):
            return self.retriever.search_many(queries, k, search_options(options))

    def more_like_this(
        self, what: str | int | Path, k: int = 10, **options: Unpack[SearchArguments]
    ) -> SearchResult:
        """The `k` best chunks of other documents that are like a chunk (its id) or a document (uri or path).

        Raises:
            QueryError: there is no such chunk or document.
        """
        return self.search(str(what), k, **(options | SearchArguments(technique="more-like-this")))

    def ask(
        self,
        question: str,
        k: int | None = None,
        *,
        history: Sequence[Message] = (),
        schema: Any = None,
        **options: Unpack[SearchArguments],
    ) -> Answer:
        """Answer a question from the documents, with citations, or abstain.

        Args:
            question: what is asked.
            k: passages put before the model; None: as the settings say.
            history: the conversation before it: what the question refers to is put into it first, and
                `answer.understood` is what was searched for.
            schema: all that `generate` takes: the answer is then put into that form, `answer.value`.
            options: those of `search`.

        Raises:
            StoreError: nothing was ingested yet.
            QueryError: the question is empty, or the filter can't be understood.
            LLMError: the model isn't there, or failed.
            SchemaError: the schema can't be enforced.
        """
        *_, answer = self.stream(question, k, history=history, schema=schema, **options)
        if not isinstance(answer, Answer):
            raise RagentError("the answer's stream ended without an answer")
        return answer

    def stream(
        self,
        question: str,
        k: int | None = None,
        *,
        history: Sequence[Message] = (),
        schema: Any = None,
        **options: Unpack[SearchArguments],
    ) -> Iterator[str | Answer]:
        """Like `ask`, yielding the pieces of the model's draft first; the checked Answer comes last."""

        def pieces() -> Iterator[str | Answer]:
            parts = self.store, self.retriever, self.embedder
            asking = Asking(self.home, self.settings, *parts, lambda: self.llm)
            yield from asking.stream(Request(question, k, tuple(history), schema, search_options(options)))

        about: Attributes = {
            "ragent.collection": self.settings.collection,
            "ragent.k": k or self.settings.ask.k,
        }
        return traced_answer(self.tracer, question, about, pieces())

    def feedback(self, answer: Answer, rating: int, *, comment: str = "", correction: str = "") -> str:
        """Keep what somebody thought of an answer, for `ragent eval new` to make a case of it.

        Args:
            answer: what `ask` gave.
            rating: 1 for a good one, -1 for a bad one, 0 for neither.
            comment: why.
            correction: what would have been the right answer.

        Returns:
            The id under which it is kept.

        Raises:
            ConfigError: the rating is none of these.
        """
        said = Judgement(rating, comment, correction)
        return keep_judgement(self.store, self.settings.collection, answer, said)

    def generate(
        self,
        prompt: str | Sequence[Message],
        wanted: Any,
        *,
        max_tokens: int | None = None,
        best_of: int = 1,
    ) -> Structured:
        """Have the model write a value of a given form; your documents have no part in it.

        Args:
            prompt: what to say to it.
            wanted: a pydantic model, dataclass, TypedDict, enum, Literal or other type; a JSON Schema as a
                dict; or a term of outlines, such as `Regex` and `CFG`.
            max_tokens: the longest value, by default `[llm] max_tokens`.
            best_of: how many to write, of which the model finds one likeliest.

        Raises:
            SchemaError: the form can't be enforced.
            MalformedOutput: the model gave no value of that form.
            LLMError: the model isn't there, or failed; or it is to choose the best and doesn't run here.
        """
        from ragent.rag.best import best_value
        from ragent.structured import generate

        sampling = self.settings.llm.sampling
        if max_tokens:
            sampling = replace(sampling, max_tokens=max_tokens)
        if best_of > 1:
            return best_value(self.llm, prompt, wanted, sampling, best_of)
        return generate(self.llm, prompt, wanted, sampling=sampling)

    def as_tool(self, name: str = "ask_documents", description: str = "") -> Tool:
        """The documents as a tool of an agent: it asks, and shows passages where there is no sure answer.

        Args:
            name: what the model calls it; give each collection its own.
            description: what the model reads of it: say what is in the documents.

        Raises:
            ConfigError: the name can't be a tool's.
        """
        from ragent.rag.as_tool import documents_tool

        return documents_tool(self.ask, name, description, self.settings.tools.result_chars)

    # -- care -------------------------------------------------------------------------------------------

    def reembed(
        self,
        *,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> ReembedReport:
        """Give the collection vectors of the model that the settings name; its old ones serve until then.

        What an interrupted run did is kept, and the next one goes on after it.

        Raises:
            StoreError: there is no such collection, or another process re-embeds it.
            ChunksTooLong: the model would have to cut passages.
        """
        report = reembed_collection(self, Watching(on_progress, should_stop))
        self._parts.renew_collection()
        return report

    def abandon_reembedding(self) -> int:
        """Drop the vectors that an interrupted `reembed` left; how many there were. Raises StoreError."""
        return abandon_reembedding(self)

    def fsck(self) -> list[Problem]:
        """Check that the home keeps its promises: the database whole, the indexes true to it. Empty is sound.

        Every collection is checked. Indexes that are behind or damaged are mended first, as a search would.
        """
        problems = self.store.check()
        if problems:
            return problems
        found = [c for c in self.store.collections() if c.space_id is not None]
        return [p for c in found for p in check_indexes(self.store, c, self.settings.index)]
