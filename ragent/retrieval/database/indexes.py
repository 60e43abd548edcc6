"""The indexes of a collection in PostgreSQL: with nothing to catch up with, for they are the store's own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import text

from ragent.config import IndexSettings
from ragent.errors import StoreError
from ragent.retrieval.database.dense import DatabaseDense
from ragent.retrieval.database.graphs import Keeper, graph_of, name_of, wanted
from ragent.retrieval.database.keyword import DatabaseKeyword
from ragent.retrieval.database.moment import DatabaseMoment, Place
from ragent.retrieval.views import BOTH, Side, View, ignore
from ragent.store import Collection, Store, words
from ragent.store.spaces import require_active
from ragent.words.queries import QueryWords

_WIDEST = 1000
"""pgvector's limit of `hnsw.ef_search`."""
_ITERATES = (0, 8)
"""The version of pgvector that goes on searching where a filter leaves too little."""


class DatabaseIndexes:
    """`CollectionIndexes` in PostgreSQL. Safe for threads and for any number of processes.

    Words are written with their chunks, so a search finds them at once. The index of vectors is made by
    `refresh`; until then, and for small collections, every vector is looked at.
    """

    def __init__(self, store: Store, collection: Collection, settings: IndexSettings) -> None:
        if collection.space_id is None or collection.fingerprint is None:
            raise StoreError(
                f"collection {collection.name!r} has no vectors", hint="first: ragent ingest PATH"
            )
        self._store = store
        self._collection = collection
        self._settings = settings
        self._space_id = collection.space_id
        self._dimension = collection.fingerprint.dimension
        self._reader = QueryWords()
        self._lock = threading.Lock()
        self._iterates: bool | None = None
        self._begin = _PLAINLY
        self._keeper = Keeper(store.database.engine, self._space_id, self._dimension, settings)

    @property
    def folder(self) -> None:
        """There are no files."""

    @contextmanager
    def view(self, sides: Sequence[Side] = BOTH) -> Iterator[View]:
        """The indexes of those sides, at the store's newest commit; they don't change inside the block."""
        self._prepare()
        with self._store.reading() as connection:
            values = {
                "collection": self._collection.id,
                "space": self._space_id,
                "graph": name_of(self._space_id),
                "width": str(min(self._settings.hnsw_ef_search, _WIDEST)),
            }
            found = connection.execute(self._begin, values).one_or_none()
            if found is None or not found.active:
                require_active(connection, self._space_id)
                raise StoreError(f"collection {self._collection.name!r} is gone")
            place = Place(
                self._collection.id,
                self._space_id,
                self._dimension,
                found.chunks,
                found.words,
                has_graph=found.graph,
                iterates=bool(self._iterates),
            )
            moment = DatabaseMoment(connection, place, self._reader)
            yield View(
                found.generation,
                DatabaseDense(moment) if "dense" in sides else None,
                DatabaseKeyword(moment) if "keyword" in sides else None,
                moment,
            )

    def refresh(
        self, on_progress: Callable[[int, int], None] = ignore, *, sides: Sequence[Side] = BOTH
    ) -> None:
        """Make the index of vectors, where there are so many that it pays, and add words that lack."""
        if "keyword" in sides:
            self._fill()
        if "dense" in sides:
            self._keep(on_progress)

    def rebuild(self, on_progress: Callable[[int, int], None] = ignore) -> None:
        """Make the words and the index of vectors anew from the store."""
        with self._store.database.writers(self._collection.id).begin() as connection:
            words.clear(connection, self._collection.id)
            words.fill(connection, self._collection.id)
        self._keep(on_progress, anew=True)

    def purge(self) -> None:
        """See that nothing of what was removed is left: its words went with it, its vectors go now."""
        with self._store.database.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM vectors"))

    def info(self) -> dict[str, Any]:
        """What `ragent index info` says. Brings nothing up to date."""
        counts = self._store.counts(self._collection.id)
        with self._store.reading() as connection:
            graph = graph_of(connection, self._space_id)
            size = connection.scalar(_WORDS_SIZE)
            lacking = words.lacking(connection, self._collection.id)
        return {
            "collection": self._collection.name,
            "chunks": counts.chunks,
            "generation": counts.generation,
            "engine": "database",
            "dense": {
                "kind": "hnsw" if graph and graph.is_valid else "exact",
                "vectors": counts.chunks,
                "bytes": graph.bytes if graph else 0,
                "state": self._state(counts.chunks, None if graph is None else graph.is_valid),
            },
            "keyword": {
                "engine": "postings",
                "chunks": counts.chunks - lacking,
                "bytes of all collections": int(size or 0),
                "state": f"{lacking} chunks lack words: the next search adds them" if lacking else "fresh",
            },
        }

    # -- keeping -----------------------------------------------------------------------------------------

    def _state(self, count: int, is_valid: bool | None) -> str:
        if is_valid is False:
            return "not valid: ragent index rebuild"
        needed = wanted(self._settings, self._dimension, count, has_one=is_valid is not None)
        return "fresh" if needed == bool(is_valid) else "behind: the next ingestion makes or drops the index"

    def _prepare(self) -> None:
        """Once: see what pgvector can do, and that every chunk has its words, if the database was copied."""
        if self._iterates is not None:
            return
        with self._lock:
            if self._iterates is None:
                self._fill()
                with self._store.reading() as connection:
                    version = str(connection.scalar(_VERSION))
                iterates = tuple(int(part) for part in version.split(".")[:2]) >= _ITERATES
                self._begin = _ITERATING if iterates else _PLAINLY
                self._iterates = iterates

    def _fill(self) -> None:
        with self._store.reading() as connection:
            lacking = words.lacking(connection, self._collection.id)
        if lacking:
            with self._store.database.writers(self._collection.id).begin() as connection:
                words.fill(connection, self._collection.id)

    def _keep(self, on_progress: Callable[[int, int], None], *, anew: bool = False) -> None:
        count = self._store.counts(self._collection.id).chunks
        if self._keeper.keep(count, anew=anew):
            on_progress(count, count)


_BEGIN = (
    "SELECT c.generation, s.active, coalesce(t.chunks, 0) AS chunks, coalesce(t.words, 0) AS words, "
    "EXISTS (SELECT FROM pg_index i JOIN pg_class n ON n.oid = i.indexrelid WHERE i.indisvalid "
    "AND n.relname = :graph AND n.relnamespace = current_schema()::regnamespace) AS graph, "
    "set_config('hnsw.ef_search', :width, true){} FROM collections c LEFT JOIN spaces s ON s.id = :space "
    "LEFT JOIN word_totals t ON t.collection_id = c.id WHERE c.id = :collection"
)
_PLAINLY = text(_BEGIN.format(""))
_ITERATING = text(_BEGIN.format(", set_config('hnsw.iterative_scan', 'relaxed_order', true)"))
_VERSION = text("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
_WORDS_SIZE = text("SELECT pg_total_relation_size('chunk_words') + pg_total_relation_size('postings')")
