"""Read, parse, chunk, embed, commit: in batches, so that a stop at any moment loses at most one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import xxhash

from ragent.chunking import embedding_text
from ragent.errors import ParseError, RagentError, SourceError
from ragent.protocols import Chunker, Embedder, Source
from ragent.store import Collection, KnownDocument, NewDocument, Store
from ragent.types import Chunk, Document, Failure, IngestReport, Item, RawDocument


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an ingestion is: items looked at, of how many, and chunks committed."""

    done: int
    total: int
    chunks: int
    uri: str


@dataclass(frozen=True, slots=True)
class Callbacks:
    """What a caller may hook into a run.

    `parse` turns bytes into a document, `on_progress` is told of each item, and `should_stop` is asked before
    each: once it says yes, the batch in hand is committed and the run ends.
    """

    parse: Callable[[RawDocument], Document]
    on_progress: Callable[[Progress], None] = lambda _: None
    should_stop: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class _Pending:
    document: Document
    version: str
    content_hash: str
    chunks: tuple[Chunk, ...]
    is_new: bool


@dataclass(slots=True)
class Ingestor:
    """Brings sources into one collection."""

    store: Store
    collection: Collection
    embedder: Embedder
    chunker: Chunker
    batch_chunks: int

    def run(self, sources: Iterable[Source], callbacks: Callbacks, *, force: bool = False) -> IngestReport:
        """Ingest every item that is new or changed; with `force`, every item.

        What can't be listed, loaded or parsed is reported in `failed`, and the rest goes on.
        """
        return _Run(self, callbacks, force).go(sources)


@dataclass(slots=True)
class _Run:
    ingestor: Ingestor
    callbacks: Callbacks
    force: bool
    known: dict[str, KnownDocument] = field(default_factory=dict)
    pending: list[_Pending] = field(default_factory=list)
    touched: dict[int, str] = field(default_factory=dict)
    failed: list[Failure] = field(default_factory=list)
    report: IngestReport = field(default_factory=IngestReport)

    def go(self, sources: Iterable[Source]) -> IngestReport:
        began = time.perf_counter()
        self.known = self.ingestor.store.known_documents(self.ingestor.collection.id)
        listed = self._list(sources)
        interrupted = False
        for done, (item, source) in enumerate(listed):
            if interrupted := self.callbacks.should_stop():
                break
            self._tell(done, len(listed), item.uri)
            self._take(item, source)
            if sum(len(p.chunks) for p in self.pending) >= self.ingestor.batch_chunks:
                self._commit()
        self._commit()
        if not interrupted:
            self._tell(len(listed), len(listed), "")
        return replace(
            self.report,
            failed=tuple(self.failed),
            seconds=time.perf_counter() - began,
            interrupted=interrupted,
        )

    def _list(self, sources: Iterable[Source]) -> list[tuple[Item, Source]]:
        """Each item once, even where sources overlap."""
        found: dict[str, tuple[Item, Source]] = {}
        for source in sources:
            try:
                for item in source.items():
                    found.setdefault(item.uri, (item, source))
            except SourceError as error:
                self._fail(source.uri, error)
        return list(found.values())

    def _tell(self, done: int, total: int, uri: str) -> None:
        self.callbacks.on_progress(Progress(done, total, self.report.chunks, uri))

    def _fail(self, uri: str, error: RagentError) -> None:
        self.failed.append(Failure(uri, f"{error.message} ({error.hint})" if error.hint else error.message))

    def _take(self, item: Item, source: Source) -> None:
        try:
            if item.error:
                raise SourceError(item.error)
            self._read(item, source)
        except (SourceError, ParseError) as error:
            self._fail(item.uri, error)

    def _read(self, item: Item, source: Source) -> None:
        known = self.known.get(item.uri)
        skippable = known if not self.force else None
        if skippable and skippable.version == item.version:
            self._count(unchanged=1)
            return
        raw = source.load(item)
        content_hash = xxhash.xxh3_128_hexdigest(raw.data)
        if skippable and skippable.content_hash == content_hash:
            self.touched[skippable.id] = item.version
            self._count(unchanged=1)
            return
        document = replace(self.callbacks.parse(raw), uri=item.uri)
        chunks = tuple(self.ingestor.chunker.chunk(document))
        self.pending.append(_Pending(document, item.version, content_hash, chunks, known is None))

    def _commit(self) -> None:
        if self.touched:
            self.ingestor.store.touch(self.touched)
            self.touched.clear()
        if not self.pending:
            return
        self.ingestor.store.write(self.ingestor.collection, self._embed(self.pending))
        self._count(
            added=sum(p.is_new for p in self.pending),
            updated=sum(not p.is_new for p in self.pending),
            chunks=sum(len(p.chunks) for p in self.pending),
        )
        self.pending.clear()

    def _embed(self, pending: Sequence[_Pending]) -> list[NewDocument]:
        texts = [embedding_text(chunk.context, chunk.text) for p in pending for chunk in p.chunks]
        vectors = self.ingestor.embedder.embed_documents(texts)
        ends = np.cumsum([len(p.chunks) for p in pending])
        parts = np.split(vectors, ends[:-1])
        return [
            NewDocument(p.document, p.version, p.content_hash, p.chunks, part)
            for p, part in zip(pending, parts, strict=True)
        ]

    def _count(self, *, added: int = 0, updated: int = 0, unchanged: int = 0, chunks: int = 0) -> None:
        self.report = replace(
            self.report,
            added=self.report.added + added,
            updated=self.report.updated + updated,
            unchanged=self.report.unchanged + unchanged,
            chunks=self.report.chunks + chunks,
        )
