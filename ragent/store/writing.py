"""Writes a batch: documents with their chunks and vectors, keeping what is equal to what is there."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, delete, exists, func, insert, literal, select, update

from ragent.errors import StoreError
from ragent.store import leases, words
from ragent.store.graph import drop_unmentioned
from ragent.store.rows import Applied, Batch, Collection, Move, NewDocument
from ragent.store.spaces import require_active
from ragent.store.tables import (
    BandRow,
    ChunkRow,
    CollectionRow,
    DocumentRow,
    DuplicateRow,
    NamesRow,
    SignatureRow,
    TombstoneRow,
    VectorRow,
)
from ragent.store.vectors import encode

_IDS_A_QUERY = 500


def apply_batch(connection: Connection, collection: Collection, batch: Batch) -> Applied:
    """Write a batch inside the caller's transaction. Only new chunks and removals advance the generation.

    What another process was faster with is passed over.

    Raises:
        StoreError: the collection was embedded anew meanwhile, and takes no such vectors any more.
    """
    lost = leases.settle(connection, collection.id, batch.held) if batch.held else frozenset()
    for seen in batch.seen:
        values: dict[str, Any] = {"version": seen.version, "source_id": seen.source_id}
        connection.execute(update(DocumentRow).where(DocumentRow.id == seen.id).values(**values))
    moves = [move for move in batch.moved if move.uri not in lost]
    moved = [move for move in moves if _move(connection, collection.id, move)]
    lost |= {move.uri for move in moves} - {move.uri for move in moved}
    words.renew(connection, collection.id, [move.id for move in moved])
    for uri, version in batch.settled.items():
        same = (DocumentRow.collection_id == collection.id) & (DocumentRow.uri == uri)
        mine = func.coalesce(DocumentRow.item, DocumentRow.uri).not_in(lost)
        connection.execute(update(DocumentRow).where(same, mine).values(version=version))
    documents = [new for new in batch.documents if (new.item or new.document.uri) not in lost]
    if not (documents or batch.removed):
        return Applied(lost=lost)
    if documents and collection.space_id is not None:
        require_active(connection, collection.space_id)
    generation = _advance(connection, collection.id)
    written = [new for new in documents if _write(connection, collection, generation, new)]
    # Last, so that what repeats a document that goes with it is released.
    for document_id in _still_there(connection, batch):
        _release_duplicates(connection, document_id)
        _bury(connection, ChunkRow.document_id == document_id, generation)
        connection.execute(delete(DocumentRow).where(DocumentRow.id == document_id))
    drop_unmentioned(connection, collection.id)
    words.follow(connection, collection.id, generation)
    there = {new.document.uri for new in documents} - {new.document.uri for new in written}
    return Applied(frozenset(there), lost)


def generation_of(connection: Connection, collection_id: int) -> int:
    """The number of the collection's last commit. Raises StoreError when it is gone."""
    found = connection.scalar(select(CollectionRow.generation).where(CollectionRow.id == collection_id))
    if found is None:
        raise StoreError(f"collection {collection_id} is gone", hint="it was removed meanwhile; start again")
    return found


def _advance(connection: Connection, collection_id: int) -> int:
    connection.execute(
        update(CollectionRow)
        .where(CollectionRow.id == collection_id)
        .values(generation=CollectionRow.generation + 1)
    )
    return generation_of(connection, collection_id)


def _move(connection: Connection, collection_id: int, move: Move) -> bool:
    """Whether the document is still where it was, and nothing is where it goes."""
    taken = (DocumentRow.collection_id == collection_id) & (DocumentRow.uri == move.uri)
    if connection.scalar(select(DocumentRow.id).where(taken)) is not None:
        return False
    which = DocumentRow.id == move.id
    if move.before:
        which &= DocumentRow.uri == move.before
    place = {"uri": move.uri, "title": move.title}
    values = {**place, "version": move.version, "source_id": move.source_id}
    return connection.execute(update(DocumentRow).where(which).values(**values)).rowcount == 1


def _still_there(connection: Connection, batch: Batch) -> list[int]:
    """The documents to remove that haven't moved meanwhile."""
    query = select(DocumentRow.id, DocumentRow.uri).where(DocumentRow.id.in_(list(batch.places)))
    moved = {row.id for row in connection.execute(query) if row.uri != batch.places[row.id]}
    return [id_ for id_ in batch.removed if id_ not in moved]


def _write(connection: Connection, collection: Collection, generation: int, new: NewDocument) -> bool:
    """Whether it had to be written: not where another process has brought the same contents meanwhile."""
    document = new.document
    values = {
        "item": new.item,
        "source_id": new.source_id,
        "version": new.version,
        "content_hash": new.content_hash,
        "media_type": document.media_type,
        "title": document.title,
        "text": document.text,
        "pages": [[page.number, page.start, page.end] for page in document.pages],
        "meta": dict(document.metadata),
    }
    same = (DocumentRow.collection_id == collection.id) & (DocumentRow.uri == document.uri)
    query = select(DocumentRow.id, DocumentRow.title, DocumentRow.content_hash)
    old = connection.execute(query.where(same)).one_or_none()
    expected = new.replaces is None or (old and old.content_hash == new.replaces)
    if old and not new.fresh and not expected and old.content_hash == new.content_hash:
        return False
    if old is None:
        made = insert(DocumentRow).values(collection_id=collection.id, uri=document.uri, **values)
        document_id = connection.scalars(made.returning(DocumentRow.id)).one()
        kept: dict[int, int] = {}
    else:
        document_id = old.id
        _release_duplicates(connection, document_id)
        # The keyword index holds the title beside each chunk: under a new one, all chunks are new.
        may_keep = not new.fresh and old.title == document.title
        kept = _keep_chunks(connection, document_id, new) if may_keep else {}
        _bury_others(connection, document_id, set(kept.values()), generation)
        connection.execute(update(DocumentRow).where(DocumentRow.id == document_id).values(**values))
    _insert_chunks(connection, collection, document_id, (generation, new, kept))
    _note_likeness(connection, collection.id, document_id, new)
    return True


def _keep_chunks(connection: Connection, document_id: int, new: NewDocument) -> dict[int, int]:
    """By index of the new chunk, the id of the old one that it equals; such ones only change their place."""
    query = select(ChunkRow.id, ChunkRow.context, ChunkRow.text, ChunkRow.start, ChunkRow.end, ChunkRow.page)
    old = defaultdict(list)
    for row in connection.execute(query.where(ChunkRow.document_id == document_id).order_by(ChunkRow.id)):
        old[row.context, row.text].append(row)
    kept: dict[int, int] = {}
    for index, chunk in enumerate(new.chunks):
        equal = old[chunk.context, chunk.text]
        if not equal:
            continue
        row = equal.pop(0)
        kept[index] = row.id
        if (row.start, row.end, row.page) != (chunk.start, chunk.end, chunk.page):
            place = {"start": chunk.start, "end": chunk.end, "page": chunk.page}
            connection.execute(update(ChunkRow).where(ChunkRow.id == row.id).values(**place))
    return kept


def _insert_chunks(
    connection: Connection,
    collection: Collection,
    document_id: int,
    what: tuple[int, NewDocument, dict[int, int]],
) -> None:
    generation, new, kept = what
    indexes = [index for index in range(len(new.chunks)) if index not in kept]
    if not indexes:
        return
    rows = []
    for index in indexes:
        chunk = new.chunks[index]
        rows.append(
            {
                "collection_id": collection.id,
                "document_id": document_id,
                "generation": generation,
                "start": chunk.start,
                "end": chunk.end,
                "page": chunk.page,
                "tokens": chunk.tokens,
                "context": chunk.context,
                "text": chunk.text,
            }
        )
    ids = connection.scalars(
        insert(ChunkRow).returning(ChunkRow.id, sort_by_parameter_order=True), rows
    ).all()
    connection.execute(
        insert(VectorRow),
        [
            {"space_id": collection.space_id, "chunk_id": chunk_id, "data": data}
            for chunk_id, data in zip(ids, encode(new.vectors[indexes]), strict=True)
        ],
    )
    if new.names:
        named = [{"chunk_id": id_, "data": new.names[i]} for id_, i in zip(ids, indexes, strict=True)]
        connection.execute(insert(NamesRow), named)


def _note_likeness(connection: Connection, collection_id: int, document_id: int, new: NewDocument) -> None:
    for table in (SignatureRow, BandRow, DuplicateRow):
        connection.execute(delete(table).where(table.document_id == document_id))
    connection.execute(delete(DuplicateRow).where(DuplicateRow.original_id == document_id))
    if new.signature:
        connection.execute(insert(SignatureRow).values(document_id=document_id, data=new.signature))
    if new.bands:
        connection.execute(
            insert(BandRow),
            [
                {"collection_id": collection_id, "key": key, "document_id": document_id}
                for key in dict.fromkeys(new.bands)
            ],
        )
    if new.duplicate is None:
        return
    same = (DocumentRow.collection_id == collection_id) & (DocumentRow.uri == new.duplicate.original)
    original_id = connection.scalar(select(DocumentRow.id).where(same))
    if original_id is not None:
        connection.execute(
            insert(DuplicateRow).values(
                document_id=document_id, original_id=original_id, similarity=new.duplicate.similarity
            )
        )
    elif not new.chunks:
        # It was left out for a document that went meanwhile.
        again = update(DocumentRow).where(DocumentRow.id == document_id)
        connection.execute(again.values(version="", content_hash=""))


def _release_duplicates(connection: Connection, document_id: int) -> None:
    """What was left out because it repeats this document is to be read again: this one changes or goes."""
    left_out = select(DuplicateRow.document_id).where(DuplicateRow.original_id == document_id)
    has_chunks = exists(select(ChunkRow.id).where(ChunkRow.document_id == DocumentRow.id))
    connection.execute(
        update(DocumentRow)
        .where(DocumentRow.id.in_(left_out), ~has_chunks)
        .values(version="", content_hash="")
    )


def _bury_others(connection: Connection, document_id: int, kept: set[int], generation: int) -> None:
    if not kept:
        _bury(connection, ChunkRow.document_id == document_id, generation)
        return
    ids = connection.scalars(select(ChunkRow.id).where(ChunkRow.document_id == document_id)).all()
    gone = [id_ for id_ in ids if id_ not in kept]
    for first in range(0, len(gone), _IDS_A_QUERY):
        _bury(connection, ChunkRow.id.in_(gone[first : first + _IDS_A_QUERY]), generation)


def _bury(connection: Connection, which: Any, generation: int) -> None:
    connection.execute(
        insert(TombstoneRow).from_select(
            ["collection_id", "chunk_id", "generation"],
            select(ChunkRow.collection_id, ChunkRow.id, literal(generation)).where(which),
        )
    )
    connection.execute(delete(ChunkRow).where(which))
