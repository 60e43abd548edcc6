"""Embeds a collection anew with another model, beside the vectors in use, which serve until all are there.

What is done is committed batch by batch into an inactive space of the store, so that a stop at any moment
loses at most one; a second run goes on after it. Others may write meanwhile: the new vectors take over in one
transaction, which is only done once no chunk lacks one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ragent.chunking import embedding_text
from ragent.errors import ChunksTooLong, StoreError
from ragent.index.files import folder_lock
from ragent.ingest.embedding import embed_chunks
from ragent.protocols import Embedder
from ragent.store import Collection, Store, spaces
from ragent.store.spaces import Unembedded
from ragent.store.vectors import encode

_TEXTS_A_COUNT = 2000
_HINT = (
    "ingest into another --collection, where documents are cut to fit; or set [embedder] back, lower "
    "[chunking] max_tokens, `ragent ingest --force PATH`, and re-embed then"
)


@dataclass(frozen=True, slots=True)
class ReembedReport:
    """What a re-embedding did.

    Attributes:
        collection: Its name.
        chunks: How many the collection has.
        embedded: Chunks that this run embedded.
        reused: Chunks that had a vector of this model already, from a run before.
        model: The model's name.
        interrupted: Whether it was asked to stop; the old vectors are in use then.
    """

    collection: str
    chunks: int
    embedded: int
    reused: int
    seconds: float
    model: str
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Watching:
    """What a caller may hook into a run: (chunks done, of how many), and whether to stop after a batch."""

    on_progress: Callable[[int, int], None] = lambda done, total: None
    should_stop: Callable[[], bool] = lambda: False


def reembed(
    store: Store,
    collection: Collection,
    embedder: Embedder,
    batch_chunks: int,
    watching: Watching = Watching(),
) -> ReembedReport:
    """Embed every chunk of a collection by `embedder`, whose vectors then are the collection's.

    Until then searches and ingestions go on with the old ones.

    Raises:
        ChunksTooLong: the embedder would have to cut chunks. Nothing is embedded then.
        StoreError: another process re-embeds this collection, or abandoned this run.
    """
    with _alone(store, collection):
        # Another process may just have done it.
        now = store.find_collection(collection.name) or collection
        return _Run(store, now, embedder, batch_chunks, watching).go()


def abandon(store: Store, collection: Collection) -> int:
    """Drop what an interrupted re-embedding left; how many vectors. Raises StoreError while one runs."""
    with _alone(store, collection), store.writing() as connection:
        return spaces.drop_unfinished(connection, collection.id)


@contextmanager
def _alone(store: Store, collection: Collection) -> Iterator[None]:
    try:
        with folder_lock(store.home, 0, f"reembed-{collection.id}.lock"):
            yield
    except TimeoutError:
        raise StoreError(
            f"another process re-embeds collection {collection.name!r}", hint="wait until it is done"
        ) from None


@dataclass(frozen=True, slots=True)
class _Run:
    store: Store
    collection: Collection
    embedder: Embedder
    batch_chunks: int
    watching: Watching

    def go(self) -> ReembedReport:
        began = time.perf_counter()
        if self.collection.fingerprint == self.embedder.fingerprint:
            with self.store.writing() as connection:
                spaces.drop_unfinished(connection, self.collection.id)
            report = self._report(reused=self._count())
        else:
            with self.store.writing() as connection:
                space_id = spaces.begin_space(connection, self.collection.id, self.embedder.fingerprint)
            self._require_fitting(space_id)
            report = self._fill(space_id)
        return replace(report, seconds=time.perf_counter() - began)

    def _fill(self, space_id: int) -> ReembedReport:
        with self.store.reading() as connection:
            reused = spaces.count_vectors(connection, space_id)
        embedded = 0
        while True:
            for batch in self._lacking(space_id, self.batch_chunks):
                self.watching.on_progress(reused + embedded, max(self._count(), reused + embedded))
                if self.watching.should_stop():
                    return replace(self._report(reused, embedded), interrupted=True)
                embedded += self._embed(space_id, batch)
            with self.store.writing() as connection:
                if spaces.take_over(connection, self.collection.id, space_id):
                    break
        report = self._report(reused, embedded)
        self.watching.on_progress(report.chunks, report.chunks)
        return report

    def _embed(self, space_id: int, batch: Sequence[Unembedded]) -> int:
        try:
            vectors, _ = embed_chunks(self.embedder, batch, {})
        except ValueError as error:
            raise self._too_long(1) from error
        made = dict(zip((chunk.chunk_id for chunk in batch), encode(vectors), strict=True))
        with self.store.writing() as connection:
            return spaces.add_vectors(connection, self.collection.id, space_id, made)

    def _require_fitting(self, space_id: int) -> None:
        """Raises ChunksTooLong, before anything is embedded."""
        most = self.embedder.max_tokens
        over = 0
        for some in self._lacking(space_id, _TEXTS_A_COUNT):
            texts = [embedding_text(chunk.context, chunk.text) for chunk in some]
            over += sum(count > most for count in self.embedder.tokenizer.count(texts))
        if over:
            raise self._too_long(over)

    def _too_long(self, count: int) -> ChunksTooLong:
        what = "chunk of collection {} is" if count == 1 else "chunks of collection {} are"
        most = f"{self.embedder.max_tokens} tokens that {self.embedder.fingerprint.model} reads"
        message = f"{count} {what.format(repr(self.collection.name))} longer than the {most}"
        return ChunksTooLong(f"{message}: nothing is cut silently", count=count, hint=_HINT)

    def _lacking(self, space_id: int, most: int) -> Iterator[list[Unembedded]]:
        """The chunks without a vector, in order of their ids, so many at a time."""
        last = 0
        while True:
            with self.store.reading() as connection:
                some = spaces.unembedded(connection, self.collection.id, space_id, after=last, most=most)
            if not some:
                return
            yield some
            last = some[-1].chunk_id

    def _count(self) -> int:
        return self.store.counts(self.collection.id).chunks

    def _report(self, reused: int, embedded: int = 0) -> ReembedReport:
        name, model = self.collection.name, self.embedder.fingerprint.model
        return ReembedReport(name, self._count(), embedded, reused, 0.0, model)
