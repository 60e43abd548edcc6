"""Gathers what was read until there is enough to embed and commit together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ragent.index.names import encode_names
from ragent.ingest.deciding import Step
from ragent.ingest.embedding import embed_chunks
from ragent.ingest.likeness import Likeness
from ragent.ingest.minhash import band_keys
from ragent.ingest.sharing import Sharing
from ragent.ingest.work import Piece, describe
from ragent.protocols import Chunker, Embedder, Vectors
from ragent.store import Applied, Batch, Collection, Duplicate, Move, NewDocument, Seen, Store
from ragent.types import Document, DocumentReport

_MOST_NOTED = 500
_NOT_YET = ""
"""The version of an archive's documents until all of them are committed: such an archive is read again."""


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit brought: chunks, how many texts were embedded, and documents that repeat another."""

    chunks: int = 0
    embedded: int = 0
    duplicates: int = 0


@dataclass(slots=True)
class _Pending:
    step: Step
    piece: Piece
    new: NewDocument
    is_new: bool


@dataclass(slots=True)
class _Archive:
    """What came out of the archive in hand so far."""

    uris: set[str] = field(default_factory=set)
    failed: bool = False


@dataclass(slots=True)
class Batcher:
    """Turns pieces into batches of the store.

    Attributes:
        store: Where they go.
        collection: The documents' collection.
        embedder: What makes vectors.
        chunker: What makes chunks of pieces that come without; None where they come with theirs.
        likeness: What knows which documents repeat others.
        leave_out: Whether those get no chunks.
        fresh: Whether everything is embedded anew.
        sharing: What knows which items are in our hands alone.
        note: Told of each document when it is committed, or has failed.
    """

    store: Store
    collection: Collection
    embedder: Embedder
    chunker: Chunker | None
    likeness: Likeness
    leave_out: bool
    fresh: bool
    sharing: Sharing
    note: Callable[[DocumentReport], None]
    chunks: int = 0
    _pending: list[_Pending] = field(default_factory=list)
    _seen: list[Seen] = field(default_factory=list)
    _moved: list[Move] = field(default_factory=list)
    _removed: list[tuple[int, str]] = field(default_factory=list)
    _settled: dict[str, str] = field(default_factory=dict)
    _finished: set[str] = field(default_factory=set)
    _archive: _Archive | None = None

    def is_due(self, most_chunks: int) -> bool:
        """Whether to commit: there is enough, or a document goes, which none may then be said to repeat."""
        noted = max(len(self._moved) + len(self._seen), len(self._finished))
        return self.chunks >= most_chunks or noted >= _MOST_NOTED or bool(self._removed)

    def pass_over(self, step: Step) -> None:
        """Note of an item that wasn't read where its document is now, or that it is as it was."""
        if step.move:
            self._moved.append(step.move)
            self.likeness.move(step.moved_from, step.move.uri)
        elif step.adopt:
            self._seen += [Seen(known.id, step.item.version, step.source_id) for known in step.known]
        self._finished.add(step.item.uri)

    def take(self, step: Step, piece: Piece) -> None:
        """Add what was read. The pieces of a step come one after the other, its last one marked."""
        if not piece.last and self._archive is None:
            self._archive = _Archive()
        if piece.document and self.chunker:
            piece = _chunked(piece, piece.document, self.chunker)
        if piece.error:
            self.note(DocumentReport(piece.uri, "failed", 0, piece.seconds, piece.error))
        elif piece.document:
            self._pend(step, piece)
        elif piece.content_hash:
            self.note(DocumentReport(piece.uri, "unchanged"))
        if self._archive and (piece.content_hash or piece.error):
            self._archive.uris.add(piece.uri)
            self._archive.failed = self._archive.failed or bool(piece.error)
        if piece.last:
            if not piece.error:
                self._finish(step, piece)
            self._archive = None
            self._finished.add(step.item.uri)

    def commit(self) -> Committed:
        """Embed and write what was gathered, in one transaction."""
        verdicts = self.likeness.judge(
            [
                (
                    pending.piece.uri,
                    pending.piece.content_hash,
                    np.frombuffer(pending.piece.signature, np.uint32),
                )
                for pending in self._pending
            ]
        )
        documents = [
            self._judged(pending.new, verdict)
            for pending, verdict in zip(self._pending, verdicts, strict=True)
        ]
        vectors, embedded = self._embed(documents)
        begun = {pending.step.item.uri for pending in self._pending}
        batch = Batch(
            documents=_with_vectors(documents, vectors),
            settled=dict(self._settled),
            seen=tuple(self._seen),
            moved=tuple(self._moved),
            removed=[id_ for id_, _ in self._removed],
            held=self.sharing.held(self._finished, begun - self._finished),
        )
        applied = self.store.apply(self.collection, batch)
        self.sharing.part_with(self._finished, applied.lost)
        for _, uri in self._removed:
            self.likeness.remove(uri)
        written = self._tell(documents, applied)
        self._clear()
        return Committed(
            sum(len(new.chunks) for new in written),
            embedded,
            sum(new.duplicate is not None for new in written),
        )

    def _clear(self) -> None:
        for gathered in (self._pending, self._seen, self._moved, self._removed):
            gathered.clear()
        self._settled.clear()
        self._finished.clear()
        self.chunks = 0

    def _pend(self, step: Step, piece: Piece) -> None:
        if piece.document is None:
            raise ValueError("a piece without a document can't be written")
        item = step.item
        before = {known.uri: known.content_hash for known in step.known}
        is_new = piece.uri not in before
        new = NewDocument(
            piece.document,
            item.version if self._archive is None else _NOT_YET,
            piece.content_hash,
            piece.chunks,
            np.empty((0, 0), np.float32),
            item=None if piece.uri == item.uri else item.uri,
            source_id=step.source_id,
            signature=piece.signature,
            fresh=self.fresh,
            names=piece.names,
            replaces=before.get(piece.uri, ""),
        )
        self._pending.append(_Pending(step, piece, new, is_new))
        self.chunks += len(piece.chunks)

    def _finish(self, step: Step, piece: Piece) -> None:
        """All of an item was read: what used to come out of it and doesn't now is gone."""
        archive = self._archive or _Archive({piece.uri} if piece.content_hash else set())
        if not archive.failed:
            vanished = [known for known in step.known if known.uri not in archive.uris]
            self._removed += [(known.id, known.uri) for known in vanished]
        if self._archive is None:
            return
        for uri in archive.uris:
            self._settled[uri] = step.item.version
        for pending in self._pending:
            if pending.step is step:
                pending.new = replace(pending.new, version=step.item.version)
                self._settled.pop(pending.piece.uri, None)

    def _judged(self, new: NewDocument, verdict: Duplicate | None) -> NewDocument:
        if verdict and self.leave_out:
            return replace(new, duplicate=verdict, chunks=(), names=(), signature=b"")
        bands = band_keys(np.frombuffer(new.signature, np.uint32))
        return replace(new, duplicate=verdict, bands=tuple(bands))

    def _embed(self, documents: Sequence[NewDocument]) -> tuple[Vectors, int]:
        chunks = [chunk for new in documents for chunk in new.chunks]
        alike = set()
        if not self.fresh:
            alike = {pending.piece.uri for pending in self._pending if not pending.is_new}
            alike |= {new.duplicate.original for new in documents if new.duplicate}
        held = self.store.vectors_of(self.collection, sorted(alike)) if alike else {}
        return embed_chunks(self.embedder, chunks, held)

    def _tell(self, documents: Sequence[NewDocument], applied: Applied) -> list[NewDocument]:
        """Note what became of each document; those that were written."""
        written = []
        for pending, new in zip(self._pending, documents, strict=True):
            if pending.step.item.uri in applied.lost:
                continue
            if pending.piece.uri in applied.there:
                self.note(DocumentReport(pending.piece.uri, "unchanged"))
                continue
            written.append(new)
            report = DocumentReport(
                pending.piece.uri,
                "added" if pending.is_new else "updated",
                len(new.chunks),
                pending.piece.seconds,
                _repeats(new.duplicate),
            )
            self.note(replace(report, status="duplicate") if new.duplicate and self.leave_out else report)
        for _, uri in self._removed:
            self.note(DocumentReport(uri, "deleted"))
        return written


def _with_vectors(documents: Sequence[NewDocument], vectors: Vectors) -> list[NewDocument]:
    ends = np.cumsum([len(new.chunks) for new in documents])
    return [
        replace(new, vectors=vectors[end - len(new.chunks) : end])
        for new, end in zip(documents, ends, strict=True)
    ]


def _chunked(piece: Piece, document: Document, chunker: Chunker) -> Piece:
    try:
        chunks = tuple(chunker.chunk(document))
        return replace(piece, chunks=chunks, names=tuple(encode_names(c.context, c.text) for c in chunks))
    except Exception as error:
        return replace(piece, document=None, error=describe(error))


def _repeats(duplicate: Duplicate | None) -> str:
    return f"repeats {duplicate.original} ({duplicate.similarity:.1%})" if duplicate else ""
