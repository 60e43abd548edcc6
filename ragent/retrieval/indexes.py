"""The derived indexes of one collection: opened when first needed, in step with the store at every search."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ragent.config import IndexSettings
from ragent.errors import StoreError
from ragent.index.files import folder_lock, sweep
from ragent.protocols import DenseIndex
from ragent.retrieval.sharing import SharedLock
from ragent.store import Collection, Store

if TYPE_CHECKING:
    from ragent.index.keyword import KeywordIndex
    from ragent.retrieval.dense_side import DenseSide
    from ragent.retrieval.keyword_side import KeywordSide

Side = Literal["dense", "keyword"]
BOTH: tuple[Side, Side] = ("dense", "keyword")

_PATIENCE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class View:
    """Both indexes as of one generation of the store. Only to be used inside `Indexes.view`."""

    generation: int
    _dense: DenseIndex | None
    _keyword: KeywordIndex | None

    @property
    def has_keyword(self) -> bool:
        return self._keyword is not None

    @property
    def dense(self) -> DenseIndex:
        if self._dense is None:
            raise ValueError("the dense index was not asked for")
        return self._dense

    @property
    def keyword(self) -> KeywordIndex:
        if self._keyword is None:
            raise ValueError("the keyword index was not asked for")
        return self._keyword


def _ignore(done: int, total: int) -> None:
    pass


class Indexes:
    """Safe for threads, and for any number of processes over one home: each waits its turn to write.

    Files that are missing, stale, damaged or of another database are made anew without a word. Where they
    can't be written, or another process holds them for minutes, the indexes live in memory.
    """
    def dense_alone(self) -> View:
        """Without the keyword side."""
        return View(self.generation, self._dense, None)


class Stopped(Exception):
    """Building is given up because the process ends."""


    def __init__(self, store: Store, collection: Collection, settings: IndexSettings) -> None:
        if collection.space_id is None or collection.fingerprint is None:
            raise StoreError(
                f"collection {collection.name!r} has no vectors", hint="first: ragent ingest PATH"
            )
        self.folder: Path = store.home / "indexes" / f"{collection.id}-{collection.space_id}"
        self._store = store
        self._collection = collection
        self._settings = settings
        self._dimension = collection.fingerprint.dimension
        self._space_id = collection.space_id
        self._lock = SharedLock()
        self._dense: DenseSide | None = None
        self._keyword: KeywordSide | None = None

    @contextmanager
    def view(self, sides: Sequence[Side] = BOTH) -> Iterator[View]:
        """The indexes of those sides, at the store's newest commit; they don't change inside the block."""
        while True:
            newest = self._store.generation(self._collection.id)
            with self._lock.reading():
                if self._is_current(sides, newest):
                    yield View(
                        newest,
                        self._dense.index if self._dense and "dense" in sides else None,
                        self._keyword.index if self._keyword and "keyword" in sides else None,
                    )
                    return
            self.refresh(sides=sides)

    def refresh(
        self, on_progress: Callable[[int, int], None] = _ignore, *, sides: Sequence[Side] = BOTH
    ) -> None:
        """Bring the indexes to the store's newest commit, and save them; `on_progress`: (done, total)."""
        with self._changing() as may_write, self._store.snapshot(self._collection) as snapshot:
            for side in self._sides(sides):
                side.catch_up(snapshot, may_write, on_progress)

    def rebuild(self, on_progress: Callable[[int, int], None] = _ignore) -> None:
        """Make both indexes anew from the store, whatever their files hold."""
        with self._changing() as may_write, self._store.snapshot(self._collection) as snapshot:
            for side in self._sides(BOTH):
                side.build(snapshot, may_write, on_progress)

    def info(self) -> dict[str, Any]:
        """What `ragent index info` says. Brings nothing up to date."""
        counts = self._store.counts(self._collection.id)
        with self._lock.writing():
            sides = self._sides(BOTH)
        return {
            "collection": self._collection.name,
            "chunks": counts.chunks,
            "generation": counts.generation,
            "folder": str(self.folder),
            **{name: side.facts(counts.generation) for name, side in zip(BOTH, sides, strict=True)},
        }

    def _is_current(self, sides: Sequence[Side], newest: int) -> bool:
        parts = {"dense": self._dense, "keyword": self._keyword}
        return all(
            (part := parts[side]) is not None and part.index is not None and part.generation >= newest
            for side in sides
        )

    @contextmanager
    def _changing(self) -> Iterator[bool]:
        """Hold everything alone; whether the files may be written."""
        with self._lock.writing(), ExitStack() as held:
            try:
                held.enter_context(folder_lock(self.folder, _PATIENCE_SECONDS))
                sweep(self.folder)
                may_write = True
            except OSError:
                may_write = False
            yield may_write

    def _sides(self, wanted: Sequence[Side]) -> list[DenseSide | KeywordSide]:
        # FAISS and tantivy are imported by who needs them: a keyword search loads no FAISS.
        sides: list[DenseSide | KeywordSide] = []
        if "dense" in wanted:
            from ragent.retrieval.dense_side import DenseSide

            self._dense = self._dense or DenseSide(
                self.folder, self._dimension, self._space_id, self._settings
            )
            sides.append(self._dense)
        if "keyword" in wanted:
            from ragent.retrieval.keyword_side import KeywordSide

            self._keyword = self._keyword or KeywordSide(self.folder, self._space_id)
            sides.append(self._keyword)
        return sides
