"""The derived indexes of one collection: opened when first needed, in step with the store at every search."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragent.config import IndexSettings
from ragent.errors import StoreError
from ragent.index.files import folder_lock, sweep
from ragent.retrieval.few_open import FewOpen
from ragent.retrieval.sharing import SharedLock
from ragent.retrieval.views import BOTH, Side, View, ignore
from ragent.store import Collection, Store

if TYPE_CHECKING:
    from ragent.retrieval.dense_side import DenseSide, Job
    from ragent.retrieval.keyword_side import KeywordSide

_PATIENCE_SECONDS = 300.0
_QUICK_SECONDS = 0.5
"""How much work on the files a search does itself. The rest is done beside it, or by the next ingestion."""
_PAUSE_SECONDS = 1.0
_PAUSE_STEPS = 20
_BUILDING = "build.lock"
_FOLDER = "indexes"

_log = logging.getLogger(__name__)


class Stopped(Exception):
    """Building is given up because the process ends."""


def _go_on(done: int = 0, total: int = 0) -> None:
    if not threading.main_thread().is_alive():
        raise Stopped


def replaced_folders(store: Store, collection: Collection) -> list[Path]:
    """The folders of indexes over vectors that the collection no longer has."""
    found = list((store.home / _FOLDER).glob(f"{collection.id}-*"))
    now = store.find_collection(collection.name)
    return [folder for folder in found if now is None or folder != _folder(store, now)]


def _folder(store: Store, collection: Collection) -> Path:
    return store.home / _FOLDER / f"{collection.id}-{collection.space_id}"


class Indexes:
    """Safe for threads, and for any number of processes over one home: each waits its turn to write.

    Files that are missing, stale, damaged or of another database are made anew without a word. Where they
    can't be written, or another process holds them for minutes, the indexes live in memory. A search never
    waits for a dense index to be built: it looks at every vector until that is done.
    """

    def __init__(
        self, store: Store, collection: Collection, settings: IndexSettings, few: FewOpen | None = None
    ) -> None:
        """`few` closes them when they weren't used for long; they open again when they are."""
        if collection.space_id is None or collection.fingerprint is None:
            raise StoreError(
                f"collection {collection.name!r} has no vectors", hint="first: ragent ingest PATH"
            )
        self.folder = _folder(store, collection)
        self._store = store
        self._collection = collection
        self._settings = settings
        self._dimension = collection.fingerprint.dimension
        self._space_id = collection.space_id
        self._few = few or FewOpen(1)
        self._lock = SharedLock()
        self._dense: DenseSide | None = None
        self._keyword: KeywordSide | None = None
        self._worker: threading.Thread | None = None
        self._gave_up = False

    @contextmanager
    def view(self, sides: Sequence[Side] = BOTH) -> Iterator[View]:
        """The indexes of those sides, at the store's newest commit; they don't change inside the block."""
        while True:
            self._few.use(self)
            newest = self._store.generation(self._collection.id)
            with self._lock.reading():
                if self._is_current(sides, newest):
                    yield View(
                        newest,
                        self._dense.index if self._dense and "dense" in sides else None,
                        self._keyword.index if self._keyword and "keyword" in sides else None,
                    )
                    return
            self._catch_up(sides)
            if "dense" in sides:
                self._work(_QUICK_SECONDS)
                self._work_beside()

    def refresh(
        self, on_progress: Callable[[int, int], None] = ignore, *, sides: Sequence[Side] = BOTH
    ) -> None:
        """Bring the indexes to the store's newest commit, and their files; `on_progress`: (done, total)."""
        self._catch_up(sides, on_progress)
        if "dense" in sides:
            self._work(math.inf, on_progress)

    def rebuild(self, on_progress: Callable[[int, int], None] = ignore) -> None:
        """Make both indexes anew from the store, whatever their files hold.

        Raises:
            StoreError: another process has been building the dense index for minutes.
        """
        with self._building(_PATIENCE_SECONDS) as mine:
            if not mine:
                raise StoreError("another process is building this index", hint="try again when it is done")
            with self._changing(BOTH) as may_write, self._store.snapshot(self._collection) as snapshot:
                dense, keyword = self._both()
                dense.restart(snapshot)
                keyword.build(snapshot, may_write, on_progress)
                job = dense.job()
                if may_write and job is None:
                    dense.drop_file()
            if job:
                self._do(dense, job, on_progress)

    def purge(self) -> None:
        """See that nothing of what was removed is left: files that only mark it still hold its words."""
        self.rebuild()

    def info(self) -> dict[str, Any]:
        """What `ragent index info` says. Brings nothing up to date."""
        counts = self._store.counts(self._collection.id)
        with self._lock.writing():
            dense, keyword = self._both()
        return {
            "collection": self._collection.name,
            "chunks": counts.chunks,
            "generation": counts.generation,
            "engine": "files",
            "folder": str(self.folder),
            "dense": dense.facts(counts.generation, counts.chunks),
            "keyword": keyword.facts(counts.generation),
        }

    def close_if_idle(self) -> bool:
        """Release all, unless a search is at it; whether that was done. When it is used again, it opens."""
        with self._lock.writing_if_free() as free:
            if free:
                self._dense = self._keyword = None
        return free

    # -- catching up -------------------------------------------------------------------------------------

    def _is_current(self, sides: Sequence[Side], newest: int) -> bool:
        parts = {"dense": self._dense, "keyword": self._keyword}
        return all(
            (part := parts[side]) is not None and part.index is not None and part.generation >= newest
            for side in sides
        )

    def _catch_up(self, sides: Sequence[Side], on_progress: Callable[[int, int], None] = ignore) -> None:
        with self._changing(sides) as may_write, self._store.snapshot(self._collection) as snapshot:
            if "dense" in sides:
                self._dense_side().catch_up(snapshot)
            if "keyword" in sides:
                self._keyword_side().catch_up(snapshot, may_write, on_progress)

    @contextmanager
    def _changing(self, sides: Sequence[Side]) -> Iterator[bool]:
        """Hold everything alone; whether the keyword index's files may be written."""
        with self._lock.writing(), ExitStack() as held:
            may_write = False
            # The dense side's files are replaced by one rename, and by who is building alone.
            if "keyword" in sides:
                with suppress(OSError):
                    held.enter_context(folder_lock(self.folder, _PATIENCE_SECONDS))
                    sweep(self.folder)
                    may_write = True
            yield may_write

    def _dense_side(self) -> DenseSide:
        # FAISS and tantivy are imported by who needs them: a keyword search loads no FAISS.
        from ragent.retrieval.dense_side import DenseSide

        if self._dense is None:
            self._few.use(self)
            self._dense = DenseSide(self.folder, self._dimension, self._space_id, self._settings)
        return self._dense

    def _keyword_side(self) -> KeywordSide:
        from ragent.retrieval.keyword_side import KeywordSide

        if self._keyword is None:
            self._few.use(self)
            self._keyword = KeywordSide(self.folder, self._space_id)
        return self._keyword

    def _both(self) -> tuple[DenseSide, KeywordSide]:
        return self._dense_side(), self._keyword_side()

    # -- the dense index's file --------------------------------------------------------------------------

    def _work(self, most_seconds: float, on_progress: Callable[[int, int], None] = ignore) -> None:
        """Do what there is to do within that time, unless somebody is at it."""
        with self._building(0) as mine:
            if mine:
                with self._lock.writing():
                    dense = self._dense_side()
                    job = dense.job(most_seconds)
                if job:
                    self._do(dense, job, on_progress)

    def _work_beside(self) -> None:
        """Do the rest in a thread of its own, once. It ends with the main thread, done or not."""
        with self._lock.writing():
            busy = self._worker is not None and self._worker.is_alive()
            if self._dense_side().pending and not busy and not self._gave_up:
                self._worker = threading.Thread(target=self._toil, name="ragent-index")
                self._worker.start()

    def _toil(self) -> None:
        try:
            # A process that only came for one search is gone by then.
            for _ in range(_PAUSE_STEPS):
                time.sleep(_PAUSE_SECONDS / _PAUSE_STEPS)
                _go_on()
            self._work(math.inf, _go_on)
        except Stopped:
            pass
        except Exception:
            self._gave_up = True
            _log.exception("can't build the dense index; searches look at every vector")

    def _do(self, dense: DenseSide, job: Job, watch: Callable[[int, int], None]) -> None:
        built, saved = dense.do(job, watch)
        with self._lock.writing():
            dense.adopt(job, built, saved)

    @contextmanager
    def _building(self, patience: float) -> Iterator[bool]:
        """Be the only one, of all threads and processes, who builds; False where another does."""
        with ExitStack() as held:
            try:
                held.enter_context(folder_lock(self.folder, patience, _BUILDING))
                alone = True
            except TimeoutError:
                alone = False
            except OSError:
                # Nothing can be written here; what is built stays in memory, and is nobody else's business.
                alone = True
            yield alone
