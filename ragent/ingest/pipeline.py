"""Read, chunk, embed, commit: in batches, so that a stop at any moment loses at most one.

Readers are processes, some way ahead; embedding and writing happen here, one batch after the other, in the
order in which the sources list their items. What is committed is whole: a second run goes on after it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import cast

from ragent.config import IngestSettings
from ragent.ingest.batch import Batcher
from ragent.ingest.deciding import Decider, Step
from ragent.ingest.likeness import Likeness
from ragent.ingest.listing import Listed, Listing, Origin, list_all
from ragent.ingest.parsing import parse as parse_any
from ragent.ingest.reading import Reading, choose_reading, chunks_in_readers
from ragent.ingest.sharing import Sharing
from ragent.ingest.work import Parse, Piece, Unpack, Work
from ragent.protocols import Chunker, Embedder
from ragent.store import Batch, Collection, KnownDocument, Store
from ragent.types import DocumentReport, Failure, IngestReport

_IDS_A_COMMIT = 500
_SOON_SECONDS, _LATER_SECONDS = 0.05, 1.0
"""How long to wait before looking again whether others are done."""
_COUNTED = {"added", "updated", "unchanged", "moved", "deleted"}


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

    `parse` turns bytes into a document and `unpack` opens archives, in reader processes where they can be
    sent there. `on_progress` is told of each item, `on_document` of what became of each document.
    `should_stop` is asked before each document: once it says yes, what was taken is committed and the run
    ends.
    """

    parse: Parse = parse_any
    on_progress: Callable[[Progress], None] = lambda _: None
    should_stop: Callable[[], bool] = lambda: False
    on_document: Callable[[DocumentReport], None] = lambda _: None
    unpack: Unpack | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """What a run does beyond bringing in what is new or changed.

    Attributes:
        force: Read and embed even what is unchanged.
        delete: Remove documents that their source no longer lists.
        delete_all: And do so even where a source lists nothing at all any more.
        dry_run: Only say what would be done.
    """

    force: bool = False
    delete: bool = False
    delete_all: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Ingestor:
    """Brings sources into one collection. `reading` None: in processes, as the settings say."""

    store: Store
    collection: Collection
    embedder: Embedder
    chunker: Chunker
    settings: IngestSettings
    reading: Reading | None = None

    def run(
        self, origins: Iterable[Origin], callbacks: Callbacks, options: Options = Options()
    ) -> IngestReport:
        """Ingest every item that is new or changed.

        What can't be listed, loaded or parsed is reported in `failed`, and the rest goes on.
        """
        with Sharing(self.store, self.collection, self.settings.lease_seconds) as sharing:
            return _Run(self, callbacks, options, sharing).go(origins)


@dataclass(slots=True)
class _Run:
    ingestor: Ingestor
    callbacks: Callbacks
    options: Options
    sharing: Sharing
    failed: list[Failure] = field(default_factory=list)
    report: IngestReport = field(default_factory=IngestReport)
    done: int = 0
    total: int = 0

    def go(self, origins: Iterable[Origin]) -> IngestReport:
        began = time.perf_counter()
        known = self.ingestor.store.known_documents(self.ingestor.collection.id)
        left_out = self._left_out(known)
        fully = self.options.force or self.options.delete or bool(_unread(known))
        listing = list_all(origins, fully=fully)
        self.total = len(listing.items)
        for failure in listing.failed:
            self._note(DocumentReport(failure.uri, "failed", detail=failure.error))
        finished = self._bring_in(listing, known, left_out)
        if finished:
            for document in listing.untold(known):
                self._note(DocumentReport(document.uri, "unchanged"))
            self._leave(listing)
            self._tell("")
        return replace(
            self.report,
            failed=tuple(self.failed),
            seconds=time.perf_counter() - began,
            interrupted=not finished,
        )

    def _bring_in(self, listing: Listing, known: dict[str, KnownDocument], left_out: set[str]) -> bool:
        """Everything listed. Items of `left_out` come last: by then what they repeat may be gone or altered.

        False when asked to stop.
        """
        gone = list(listing.gone(known))
        first = [one for uri, one in listing.items.items() if uri not in left_out]
        if self.options.dry_run:
            first, left_out = list(listing.items.values()), set()
        go = self._preview if self.options.dry_run else self._ingest
        moved = go(first, known, gone)
        if moved is None or not self._take_over(listing):
            return False
        self._part_with(listing, [document for document in gone if document.id not in moved])
        return self.options.dry_run or self._bring_in_again(listing, left_out)

    def _bring_in_again(self, listing: Listing, uris: set[str]) -> bool:
        """These items, and what is to be read again because the document that it repeated changed or went."""
        before: set[str] | None = None
        while True:
            known = self.ingestor.store.known_documents(self.ingestor.collection.id)
            unread = _unread(known)
            again = {*uris, *unread} - {failure.uri for failure in self.failed}
            items = [one for uri, one in listing.items.items() if uri in again]
            if not items or (unread == before and not uris):
                return True
            self.total = max(self.total, self.done + len(items))
            if self._ingest(items, known, []) is None or not self._take_over(listing):
                return False
            before, uris = unread, set()

    def _take_over(self, listing: Listing) -> bool:
        """Wait until what other processes have in hand is done, and do what they leave undone.

        False when asked to stop.
        """
        ingestor, pause = self.ingestor, _SOON_SECONDS
        while self.sharing.has_left:
            if self.callbacks.should_stop():
                return False
            free = sorted(self.sharing.take_left() & listing.items.keys())
            decider = Decider(
                ingestor.store.known_documents(ingestor.collection.id, free), (), force=self.options.force
            )
            undone = [listing.items[uri] for uri in free if not decider.is_settled(listing.items[uri])]
            done = [listing.items[uri] for uri in free if decider.is_settled(listing.items[uri])]
            for step, _ in decider.steps(done):
                self.done += 1
                self._note_unread(step)
            if undone:
                known = ingestor.store.known_documents(ingestor.collection.id)
                if self._ingest(undone, known, []) is None:
                    return False
            if not free:
                time.sleep(pause)
            pause = _SOON_SECONDS if free else min(2 * pause, _LATER_SECONDS)
        return True

    def _left_out(self, known: dict[str, KnownDocument]) -> set[str]:
        """Items with a document that has no chunks because it repeats another."""
        skip = self.ingestor.settings.duplicates == "skip"
        repeats = self.ingestor.store.duplicates(self.ingestor.collection.id) if skip else {}
        return {one.item for one in known.values() if one.uri in repeats} | _unread(known)

    def _preview(
        self, listed: Sequence[Listed], known: dict[str, KnownDocument], gone: list[KnownDocument]
    ) -> set[int] | None:
        """What `_ingest` would do, without reading or writing anything."""
        moved: set[int] = set()
        for step, _ in Decider(known, gone, force=self.options.force).steps(listed):
            if self.callbacks.should_stop():
                return None
            self._tell(step.item.uri)
            self.done += 1
            if step.reads:
                self._note(DocumentReport(step.item.uri, "updated" if step.known else "added"))
            else:
                self._note_unread(step)
            if step.move:
                moved.add(step.move.id)
        return moved

    def _ingest(
        self, listed: Sequence[Listed], known: dict[str, KnownDocument], gone: list[KnownDocument]
    ) -> set[int] | None:
        """Ids of the documents that turned out to have moved; None when asked to stop."""
        ingestor, callbacks = self.ingestor, self.callbacks
        leave_out = ingestor.settings.duplicates == "skip"
        elsewhere = chunks_in_readers(ingestor.chunker)
        batcher = Batcher(
            ingestor.store,
            ingestor.collection,
            ingestor.embedder,
            None if elsewhere else ingestor.chunker,
            Likeness(ingestor.store, ingestor.collection, known, leave_out=leave_out),
            leave_out,
            self.options.force,
            self.sharing,
            self._note,
        )
        work = Work(callbacks.parse, ingestor.chunker if elsewhere else None, callbacks.unpack)
        reading = ingestor.reading or choose_reading(work, ingestor.settings, self.sharing.most_ahead)
        steps = self.sharing.steps(listed, Decider(known, gone, force=self.options.force))
        pieces = cast(Generator[tuple[Step, Piece | None]], reading.read(work, steps))
        moved: set[int] = set()
        current: Step | None = None
        with closing(pieces):
            for step, piece in pieces:
                if callbacks.should_stop():
                    self._commit(batcher)
                    return None
                if step is not current:
                    self._tell(step.item.uri)
                    current = step
                    self.done += 1
                if piece:
                    batcher.take(step, piece)
                else:
                    self._take_unread(step, batcher, moved)
                if batcher.is_due(ingestor.settings.batch_chunks):
                    self._commit(batcher)
        self._commit(batcher)
        return moved

    def _take_unread(self, step: Step, batcher: Batcher, moved: set[int]) -> None:
        if step.move:
            moved.add(step.move.id)
        batcher.pass_over(step)
        self._note_unread(step)

    def _note_unread(self, step: Step) -> None:
        if step.error:
            self._note(DocumentReport(step.item.uri, "failed", detail=step.error))
        elif step.move:
            self._note(DocumentReport(step.item.uri, "moved", detail=f"was {step.moved_from}"))
        else:
            for known in step.known:
                self._note(DocumentReport(known.uri, "unchanged"))

    def _part_with(self, listing: Listing, gone: list[KnownDocument]) -> None:
        """Remove what its source no longer lists, where that is wanted."""
        options, ingestor = self.options, self.ingestor
        leaving = gone if options.delete else []
        if not options.delete_all:
            leaving = self._without_emptied(listing, leaving)
        if not options.dry_run:
            for first in range(0, len(leaving), _IDS_A_COMMIT):
                some = {document.id: document.uri for document in leaving[first : first + _IDS_A_COMMIT]}
                ingestor.store.apply(ingestor.collection, Batch(removed=list(some), places=some))
        ids = {document.id for document in leaving}
        for document in gone:
            self._note(DocumentReport(document.uri, "deleted" if document.id in ids else "gone"))

    def _without_emptied(self, listing: Listing, gone: list[KnownDocument]) -> list[KnownDocument]:
        """A source that lists nothing any more is rather not there (a disk that isn't mounted) than empty."""
        kept: Counter[int] = Counter()
        rest = []
        for document in gone:
            source = document.source_id
            if source in listing.emptied and document.item != listing.emptied[source]:
                kept[source] += 1
            else:
                rest.append(document)
        for source, count in kept.items():
            detail = (
                f"it lists nothing any more, so its {count} documents are kept (--delete-all removes them)"
            )
            self._note(DocumentReport(listing.emptied[source], "failed", detail=detail))
        return rest

    def _leave(self, listing: Listing) -> None:
        """Note where to go on; a cursor not if something failed: it is then to be told again."""
        if self.options.dry_run:
            return
        for source_id, memory in listing.memories.items():
            self.ingestor.store.leave_source(source_id, memory)
        if self.failed:
            return
        for source_id, cursor in listing.cursors.items():
            self.ingestor.store.leave_source(source_id, cursor)

    def _commit(self, batcher: Batcher) -> None:
        done = batcher.commit()
        self.report = replace(
            self.report,
            chunks=self.report.chunks + done.chunks,
            embedded=self.report.embedded + done.embedded,
            duplicates=self.report.duplicates + done.duplicates,
        )

    def _note(self, document: DocumentReport) -> None:
        if document.status == "failed":
            self.failed.append(Failure(document.uri, document.detail))
        elif document.status in _COUNTED:
            count = getattr(self.report, document.status) + 1
            self.report = replace(self.report, **{document.status: count})
        self.callbacks.on_document(document)

    def _tell(self, uri: str) -> None:
        self.callbacks.on_progress(Progress(self.done, self.total, self.report.chunks, uri))


def _unread(known: dict[str, KnownDocument]) -> set[str]:
    """Items with a document that was left out, and that the store wants to be read again."""
    return {document.item for document in known.values() if not document.content_hash}
