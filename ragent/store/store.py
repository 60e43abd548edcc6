"""The store: the only truth. Every write is one transaction and one more generation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine, Select, delete, func, insert, literal, select, update

from ragent.errors import EmbedderMismatch, StoreError
from ragent.store.check import check_database
from ragent.store.database import open_engine
from ragent.store.rows import Collection, Counts, KnownDocument, NewDocument, Passage, Problem
from ragent.store.snapshot import Snapshot
from ragent.store.tables import ChunkRow, CollectionRow, DocumentRow, SpaceRow, TombstoneRow, VectorRow
from ragent.store.vectors import encode
from ragent.types import Fingerprint

_IDS_A_QUERY = 500


class Store:
    """One home's database. Safe to share between threads; any number of processes may open the same home."""

    def __init__(self, home: Path, engine: Engine) -> None:
        self.home = home
        self._reader = engine
        self._writer = engine.execution_options(writes=True)

    @classmethod
    def open(cls, home: Path) -> Self:
        """Open a home, making or migrating its database as needed. Raises StoreError."""
        return cls(home, open_engine(home))

    def close(self) -> None:
        """Release the connections."""
        self._reader.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- collections ------------------------------------------------------------------------------------

    def collections(self) -> list[Collection]:
        """Every collection, by name."""
        with self._reader.connect() as connection:
            return [_collection(row) for row in connection.execute(_COLLECTIONS.order_by(CollectionRow.name))]

    def find_collection(self, name: str) -> Collection | None:
        """The collection of that name, or None."""
        with self._reader.connect() as connection:
            row = connection.execute(_COLLECTIONS.where(CollectionRow.name == name)).one_or_none()
        return _collection(row) if row else None

    def require_collection(self, name: str) -> Collection:
        """The collection of that name, with something in it.

        Raises:
            StoreError: it doesn't exist or holds no chunk yet.
        """
        found = self.find_collection(name)
        if found and found.space_id is not None and self.counts(found.id).chunks:
            return found
        others = ", ".join(c.name for c in self.collections() if c.name != name)
        known = f"; other collections: {others}" if others else ""
        raise StoreError(
            f"collection {name!r} is empty: there is nothing to search",
            hint=f"first: ragent ingest PATH{'' if name == 'default' else f' --collection {name}'}{known}",
        )

    def ensure_collection(self, name: str, fingerprint: Fingerprint) -> Collection:
        """The collection of that name, made if need be, ready for vectors of that fingerprint.

        Raises:
            EmbedderMismatch: it was embedded by another model.
        """
        with self._writer.begin() as connection:
            row = connection.execute(_COLLECTIONS.where(CollectionRow.name == name)).one_or_none()
            if row is None:
                made = insert(CollectionRow).values(name=name).returning(CollectionRow.id)
                space = {"collection_id": connection.scalar(made), "active": True}
                connection.execute(insert(SpaceRow).values(**space, fingerprint=asdict(fingerprint)))
                row = connection.execute(_COLLECTIONS.where(CollectionRow.name == name)).one()
        collection = _collection(row)
        check_fingerprint(collection, fingerprint)
        return collection

    def counts(self, collection_id: int) -> Counts:
        """Numbers of documents, chunks and tombstones."""
        with self._reader.connect() as connection:

            def count(table: type[DocumentRow] | type[ChunkRow] | type[TombstoneRow]) -> int:
                counted = select(func.count()).where(table.collection_id == collection_id)
                return int(connection.scalar(counted) or 0)

            return Counts(
                documents=count(DocumentRow),
                chunks=count(ChunkRow),
                tombstones=count(TombstoneRow),
                generation=_generation(connection, collection_id),
            )

    def generation(self, collection_id: int) -> int:
        """The number of the collection's last commit."""
        with self._reader.connect() as connection:
            return _generation(connection, collection_id)

    # -- reading ----------------------------------------------------------------------------------------

    @contextmanager
    def snapshot(self, collection: Collection) -> Iterator[Snapshot]:
        """What a derived index needs, all as of one moment."""
        if collection.space_id is None:
            raise StoreError(
                f"collection {collection.name!r} has no vectors yet", hint="first: ragent ingest PATH"
            )
        with self._reader.connect() as connection:
            yield Snapshot(
                connection, collection.id, collection.space_id, _generation(connection, collection.id)
            )

    def known_documents(self, collection_id: int) -> dict[str, KnownDocument]:
        """By uri, what tells whether each document changed."""
        query = select(DocumentRow.uri, DocumentRow.id, DocumentRow.version, DocumentRow.content_hash).where(
            DocumentRow.collection_id == collection_id
        )
        with self._reader.connect() as connection:
            return {
                row.uri: KnownDocument(row.id, row.version, row.content_hash)
                for row in connection.execute(query)
            }

    def passages(self, collection_id: int, chunk_ids: Sequence[int]) -> dict[int, Passage]:
        """The chunks that still exist, by id; ids that don't are left out."""
        found: dict[int, Passage] = {}
        # The sum keeps SQLite from walking the whole collection's index instead of looking up a few ids.
        of_collection = ChunkRow.collection_id + 0 == collection_id
        with self._reader.connect() as connection:
            for first in range(0, len(chunk_ids), _IDS_A_QUERY):
                some = [int(i) for i in chunk_ids[first : first + _IDS_A_QUERY]]
                query = _PASSAGES.where(ChunkRow.id.in_(some), of_collection)
                found.update((row.chunk_id, Passage(**row._mapping)) for row in connection.execute(query))
        return found

    def document_text(self, document_id: int) -> str | None:
        """The whole text of a document, or None if it is gone."""
        with self._reader.connect() as connection:
            return connection.scalar(select(DocumentRow.text).where(DocumentRow.id == document_id))

    def document_pages(self, document_id: int) -> list[tuple[int, int, int]]:
        """(number, start, end) of each page; empty where the format has none."""
        with self._reader.connect() as connection:
            pages = connection.scalar(select(DocumentRow.pages).where(DocumentRow.id == document_id))
        return [(number, start, end) for number, start, end in pages or []]

    def check(self) -> list[Problem]:
        """What `fsck` finds wrong with the database; empty is sound."""
        return list(check_database(self._reader))

    # -- writing ----------------------------------------------------------------------------------------

    def write(self, collection: Collection, documents: Sequence[NewDocument]) -> None:
        """Add documents, or replace those of the same uri, in one transaction."""
        with self._writer.begin() as connection:
            generation = _advance(connection, collection.id)
            for new in documents:
                document_id = _write_document(connection, collection.id, generation, new)
                _write_chunks(connection, collection, document_id, generation, new)

    def touch(self, versions: Mapping[int, str]) -> None:
        """Note a new version for documents (by id) whose contents turned out unchanged."""
        with self._writer.begin() as connection:
            for document_id, version in versions.items():
                connection.execute(
                    update(DocumentRow).where(DocumentRow.id == document_id).values(version=version)
                )

    def remove(self, collection: Collection, document_ids: Sequence[int]) -> None:
        """Remove documents with their chunks and vectors, in one transaction."""
        with self._writer.begin() as connection:
            generation = _advance(connection, collection.id)
            for document_id in document_ids:
                _bury_chunks(connection, collection.id, document_id, generation)
                connection.execute(delete(DocumentRow).where(DocumentRow.id == document_id))


_COLLECTIONS: Select[Any] = select(
    CollectionRow.id,
    CollectionRow.name,
    CollectionRow.generation,
    SpaceRow.id.label("space_id"),
    SpaceRow.fingerprint,
).outerjoin(SpaceRow, (SpaceRow.collection_id == CollectionRow.id) & SpaceRow.active)

_PASSAGES: Select[Any] = select(
    ChunkRow.id.label("chunk_id"),
    ChunkRow.document_id,
    DocumentRow.uri,
    DocumentRow.title,
    ChunkRow.page,
    ChunkRow.start,
    ChunkRow.end,
    ChunkRow.text,
    ChunkRow.context,
    DocumentRow.meta.label("metadata"),
).join(DocumentRow, DocumentRow.id == ChunkRow.document_id)


def check_fingerprint(collection: Collection, fingerprint: Fingerprint) -> None:
    """Raises EmbedderMismatch unless the collection's vectors are of that fingerprint."""
    if collection.fingerprint is None or collection.fingerprint == fingerprint:
        return
    raise EmbedderMismatch(
        f"collection {collection.name!r} was embedded by {_describe(collection.fingerprint)}, "
        f"not by {_describe(fingerprint)}",
        hint="set [embedder] back to that model, or ingest into another --collection",
    )


def _describe(fingerprint: Fingerprint) -> str:
    return f"{fingerprint.model} ({fingerprint.revision[:12]}, {fingerprint.dimension} dimensions)"


def _collection(row: Any) -> Collection:
    fingerprint = Fingerprint(**row.fingerprint) if row.fingerprint else None
    return Collection(row.id, row.name, row.generation, row.space_id, fingerprint)


def _generation(connection: Connection, collection_id: int) -> int:
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
    return _generation(connection, collection_id)


def _write_document(connection: Connection, collection_id: int, generation: int, new: NewDocument) -> int:
    document = new.document
    values = {
        "version": new.version,
        "content_hash": new.content_hash,
        "media_type": document.media_type,
        "title": document.title,
        "text": document.text,
        "pages": [[page.number, page.start, page.end] for page in document.pages],
        "meta": dict(document.metadata),
    }
    same = (DocumentRow.collection_id == collection_id) & (DocumentRow.uri == document.uri)
    old_id = connection.scalar(select(DocumentRow.id).where(same))
    if old_id is not None:
        _bury_chunks(connection, collection_id, old_id, generation)
        connection.execute(update(DocumentRow).where(DocumentRow.id == old_id).values(**values))
        return old_id
    made = insert(DocumentRow).values(collection_id=collection_id, uri=document.uri, **values)
    return connection.scalars(made.returning(DocumentRow.id)).one()


def _write_chunks(
    connection: Connection, collection: Collection, document_id: int, generation: int, new: NewDocument
) -> None:
    if not new.chunks:
        return
    ids = connection.scalars(
        insert(ChunkRow).returning(ChunkRow.id, sort_by_parameter_order=True),
        [
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
            for chunk in new.chunks
        ],
    ).all()
    connection.execute(
        insert(VectorRow),
        [
            {"space_id": collection.space_id, "chunk_id": chunk_id, "data": data}
            for chunk_id, data in zip(ids, encode(new.vectors), strict=True)
        ],
    )


def _bury_chunks(connection: Connection, collection_id: int, document_id: int, generation: int) -> None:
    of_document = ChunkRow.document_id == document_id
    connection.execute(
        insert(TombstoneRow).from_select(
            ["collection_id", "chunk_id", "generation"],
            select(ChunkRow.collection_id, ChunkRow.id, literal(generation)).where(of_document),
        )
    )
    connection.execute(delete(ChunkRow).where(of_document))
