"""The store: the only truth. Every write is one transaction and one more generation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from sqlalchemy import Connection, Select, delete, func, insert, select, update

from ragent.errors import EmbedderMismatch, StoreError
from ragent.filters import Filter
from ragent.protocols import Ids, Vectors
from ragent.store import filtering, likeness, naming, postgresql, reading, sqlite
from ragent.store.check import check_database
from ragent.store.database import Database, open_database
from ragent.store.erase import erase_documents
from ragent.store.passages import passages
from ragent.store.rows import (
    Applied,
    Batch,
    Collection,
    Counts,
    Duplicate,
    KnownDocument,
    KnownSource,
    NewDocument,
    Passage,
    Problem,
)
from ragent.store.snapshot import Snapshot
from ragent.store.spaces import require_active
from ragent.store.tables import (
    ChunkRow,
    CollectionRow,
    DocumentRow,
    SourceRow,
    SpaceRow,
    TombstoneRow,
)
from ragent.store.writing import apply_batch, generation_of
from ragent.types import Fingerprint

_IDS_A_QUERY = 500
_DOCUMENTS_A_FETCH = 100


class Store:
    """One home's database. Safe to share between threads; any number of processes may open the same home."""

    def __init__(self, home: Path, database: Database) -> None:
        self.home = home
        self.database = database
        self._reader = database.readers
        self._writer = database.writers()

    @classmethod
    def open(cls, home: Path, url: str = "") -> Self:
        """Open a home, making or migrating its database as needed.

        `url` is that of a PostgreSQL database that holds the truth; without one, SQLite does, in the home.

        Raises:
            StoreError: the home or the database can't be used.
            ConfigError: the URL isn't one of PostgreSQL.
        """
        return cls(home, open_database(home, url))

    def close(self) -> None:
        """Release the connections."""
        self.database.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees the database as of one moment, for the modules beside this one."""
        with self._reader.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction, which waits its turn, and is committed at the end."""
        with self._writer.begin() as connection:
            yield connection

    @contextmanager
    def writing_briefly(self, milliseconds: int) -> Iterator[Connection]:
        """Like `writing`, for rows that nothing else depends on, and that aren't worth waiting longer for.

        Raises:
            StoreError: others keep the database busy.
        """
        if self.database.is_postgresql:
            # Such rows are nobody's business: there, they take no turn.
            with self.database.engine.begin() as connection:
                postgresql.wait_briefly(connection, milliseconds)
                yield connection
            return
        with sqlite.waiting_briefly(self._writer, milliseconds) as connection:
            yield connection

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
        raise StoreError(
            f"collection {name!r} is empty: there is nothing to search",
            hint=f"first: ragent ingest PATH{'' if name == 'default' else f' --collection {name}'}",
        )

    def ensure_collection(self, name: str, fingerprint: Fingerprint) -> Collection:
        """The collection of that name, made if need be, ready for vectors of that fingerprint.

        Raises:
            EmbedderMismatch: it was embedded by another model.
        """
        # Most often it is there, and then nobody need be waited for.
        collection = self.find_collection(name) or self._make_collection(name, fingerprint)
        check_fingerprint(collection, fingerprint)
        return collection

    def _make_collection(self, name: str, fingerprint: Fingerprint) -> Collection:
        with self._writer.begin() as connection:
            row = connection.execute(_COLLECTIONS.where(CollectionRow.name == name)).one_or_none()
            if row is None:
                made = insert(CollectionRow).values(name=name).returning(CollectionRow.id)
                space = {"collection_id": connection.scalar(made), "active": True}
                connection.execute(insert(SpaceRow).values(**space, fingerprint=asdict(fingerprint)))
                row = connection.execute(_COLLECTIONS.where(CollectionRow.name == name)).one()
        return _collection(row)

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
                generation=generation_of(connection, collection_id),
            )

    def generation(self, collection_id: int) -> int:
        """The number of the collection's last commit."""
        with self._reader.connect() as connection:
            return generation_of(connection, collection_id)

    # -- reading ----------------------------------------------------------------------------------------

    @contextmanager
    def snapshot(self, collection: Collection) -> Iterator[Snapshot]:
        """What a derived index needs, all as of one moment.

        Raises:
            StoreError: the collection has no vectors, or others than it had when it was asked for.
        """
        if collection.space_id is None:
            raise StoreError(
                f"collection {collection.name!r} has no vectors yet", hint="first: ragent ingest PATH"
            )
        with self._reader.connect() as connection:
            require_active(connection, collection.space_id)
            yield Snapshot(
                connection, collection.id, collection.space_id, generation_of(connection, collection.id)
            )

    def known_documents(
        self, collection_id: int, items: Sequence[str] | None = None
    ) -> dict[str, KnownDocument]:
        """By uri, what tells whether each document changed: all, or those that came out of these items."""
        with self._reader.connect() as connection:
            return reading.known_documents(connection, collection_id, items)

    def known_sources(self, collection_id: int) -> list[KnownSource]:
        """What was ingested, in the order it was first named."""
        query = _SOURCES.where(SourceRow.collection_id == collection_id)
        with self._reader.connect() as connection:
            return [KnownSource(*row) for row in connection.execute(query)]

    def all_sources(self) -> list[KnownSource]:
        """The sources of every collection."""
        with self._reader.connect() as connection:
            return [KnownSource(*row) for row in connection.execute(_SOURCES)]

    def find_documents(self, name: str, collection_id: int | None = None) -> list[tuple[int, str]]:
        """(id, uri) of the documents, of one or all collections, that have this uri, or came out of it."""
        query = select(DocumentRow.id, DocumentRow.uri).order_by(DocumentRow.id)
        if collection_id is not None:
            query = query.where(DocumentRow.collection_id == collection_id)
        with self._reader.connect() as connection:
            rows = connection.execute(query.where((DocumentRow.uri == name) | (DocumentRow.item == name)))
            return [(row.id, row.uri) for row in rows]

    def document_uri(self, document_id: int) -> str | None:
        """The uri of a document, or None if it is gone."""
        with self._reader.connect() as connection:
            return connection.scalar(select(DocumentRow.uri).where(DocumentRow.id == document_id))

    def document_texts(self) -> Iterator[tuple[int, tuple[str, str, str]]]:
        """(id, (uri, title, text)) of every document of all collections, one after the other."""
        query = select(DocumentRow.id, DocumentRow.uri, DocumentRow.title, DocumentRow.text)
        with self._reader.connect() as connection:
            for row in connection.execute(query, execution_options={"yield_per": _DOCUMENTS_A_FETCH}):
                yield row.id, (row.uri, row.title, row.text)

    def duplicates(self, collection_id: int) -> dict[str, Duplicate]:
        """By uri, the documents that repeat another one."""
        with self._reader.connect() as connection:
            return likeness.duplicates(connection, collection_id)

    def alike(self, collection_id: int, bands: Sequence[int]) -> dict[str, tuple[bytes, str]]:
        """Signatures and hashes of contents, by uri, of the documents that share one of these bands."""
        with self._reader.connect() as connection:
            return likeness.alike(connection, collection_id, bands)

    def vectors_of(self, collection: Collection, uris: Sequence[str]) -> dict[tuple[str, str], bytes]:
        """The stored vectors of documents' chunks, by (context, text): see `ragent.store.vectors.decode`."""
        with self._reader.connect() as connection:
            return likeness.vectors_of(connection, collection, uris)

    def passages(self, collection_id: int, chunk_ids: Sequence[int]) -> dict[int, Passage]:
        """The chunks that still exist, by id; ids that don't are left out."""
        with self._reader.connect() as connection:
            return passages(connection, collection_id, chunk_ids)

    def matching(self, collection_id: int, where: Filter) -> Ids:
        """Ids, ascending, of the chunks that meet a filter. Raises QueryError for a date that is none."""
        with self._reader.connect() as connection:
            query = filtering.matching(collection_id, where, connection.dialect.name)
            return np.fromiter(connection.scalars(query), np.int64)

    def chunk_vectors(self, collection: Collection, chunk_ids: Sequence[int]) -> Vectors:
        """The vectors of chunks, shape (n, dimension), NaN where a chunk is gone."""
        with self._reader.connect() as connection:
            return reading.chunk_vectors(connection, collection, chunk_ids)

    def chunks_of(self, document_ids: Sequence[int]) -> list[int]:
        """The ids of these documents' chunks, ascending."""
        query = select(ChunkRow.id).where(ChunkRow.document_id.in_(document_ids)).order_by(ChunkRow.id)
        with self._reader.connect() as connection:
            return list(connection.scalars(query))

    def document_times(self, document_ids: Sequence[int]) -> dict[int, datetime]:
        """When each of these documents was last written here, in UTC."""
        query = select(DocumentRow.id, DocumentRow.updated_at)
        found: dict[int, datetime] = {}
        with self._reader.connect() as connection:
            for first in range(0, len(document_ids), _IDS_A_QUERY):
                some = list(document_ids[first : first + _IDS_A_QUERY])
                rows = connection.execute(query.where(DocumentRow.id.in_(some)))
                found.update((row.id, row.updated_at.replace(tzinfo=UTC)) for row in rows)
        return found

    def documents_of(self, chunk_ids: Sequence[int]) -> dict[int, int]:
        """The document of each chunk, by id; chunks that are gone are left out."""
        with self._reader.connect() as connection:
            return reading.documents_of(connection, chunk_ids)

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
        return list(check_database(self.database))

    # -- writing ----------------------------------------------------------------------------------------

    def write(self, collection: Collection, documents: Sequence[NewDocument]) -> None:
        """Add documents, or replace those of the same uri, in one transaction."""
        self.apply(collection, Batch(documents=documents))

    def remove(self, collection: Collection, document_ids: Sequence[int]) -> None:
        """Remove documents with their chunks and vectors, in one transaction."""
        self.apply(collection, Batch(removed=document_ids))

    def apply(self, collection: Collection, batch: Batch) -> Applied:
        """Everything that `batch` says, in one transaction, but for what another process was faster with."""
        with self.database.writers(collection.id).begin() as connection:
            return apply_batch(connection, collection, batch)

    def note_names(self, names: Mapping[int, bytes]) -> None:
        """Note the names in chunks, by id, as `ragent.index.names` encodes them. No new generation."""
        with self._writer.begin() as connection:
            naming.write_names(connection, names)

    def remember_source(self, collection: Collection, argument: str) -> int:
        """The id of a source, noted for `sync` if it wasn't known."""
        same = (SourceRow.collection_id == collection.id) & (SourceRow.argument == argument)
        with self._reader.connect() as connection:
            known = connection.scalar(select(SourceRow.id).where(same))
        if known is not None:
            return known
        with self._writer.begin() as connection:
            known = connection.scalar(select(SourceRow.id).where(same))
            if known is not None:
                return known
            made = insert(SourceRow).values(collection_id=collection.id, argument=argument)
            return connection.scalars(made.returning(SourceRow.id)).one()

    def leave_source(self, source_id: int, cursor: str | None) -> None:
        """Note where to go on with a source that tells what changed since a cursor."""
        with self._writer.begin() as connection:
            connection.execute(update(SourceRow).where(SourceRow.id == source_id).values(cursor=cursor))

    def drop_source(self, source_id: int) -> None:
        """No longer come back to a source. Its documents stay."""
        with self._writer.begin() as connection:
            connection.execute(delete(SourceRow).where(SourceRow.id == source_id))

    def erase(self, document_ids: Sequence[int]) -> None:
        """Remove documents so that their text is in no page of the database's files.

        Runs of agents that read anything go with them: any of their words may retell a document.

        Raises:
            StoreError: another process keeps the database open in the middle of a read.
        """
        erase_documents(self.database, document_ids)


_COLLECTIONS: Select[Any] = select(
    CollectionRow.id,
    CollectionRow.name,
    CollectionRow.generation,
    SpaceRow.id.label("space_id"),
    SpaceRow.fingerprint,
).outerjoin(SpaceRow, (SpaceRow.collection_id == CollectionRow.id) & SpaceRow.active)

_SOURCES = select(SourceRow.id, SourceRow.argument, SourceRow.cursor).order_by(SourceRow.id)


def check_fingerprint(collection: Collection, fingerprint: Fingerprint) -> None:
    """Raises EmbedderMismatch unless the collection's vectors are of that fingerprint."""
    if collection.fingerprint is None or collection.fingerprint == fingerprint:
        return
    raise EmbedderMismatch(
        f"collection {collection.name!r} was embedded by {_describe(collection.fingerprint, fingerprint)}, "
        f"not by {_describe(fingerprint, collection.fingerprint)}",
        hint="`ragent reembed` embeds it anew; or set [embedder] back, or ingest into another --collection",
    )


def _describe(fingerprint: Fingerprint, other: Fingerprint) -> str:
    """What it is, and in what else it isn't the other."""
    facts = [fingerprint.revision[:12], f"{fingerprint.dimension} dimensions"]
    for name in ("pooling", "query_prefix", "document_prefix", "normalized"):
        if getattr(fingerprint, name) != getattr(other, name):
            facts.append(f"{name} {getattr(fingerprint, name)!r}")
    return f"{fingerprint.model} ({', '.join(facts)})"


def _collection(row: Any) -> Collection:
    fingerprint = Fingerprint(**row.fingerprint) if row.fingerprint else None
    return Collection(row.id, row.name, row.generation, row.space_id, fingerprint)
