"""Keeps a collection's dense index in step with the store: the newest in memory, the rest in its file.

To catch up writes nothing: what is newer than the file is read from the store into the index's tail. When
that has grown, or much of the file is dead, or another kind suits the collection better, there is a `Job`:
to make a new file from what is in memory. It needs nothing of the store and holds up no search.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ragent.config import IndexSettings
from ragent.errors import CorruptIndex
from ragent.index import stamped
from ragent.index.building import Watch, build, fold, open_engine
from ragent.index.choosing import Choice, choose, made_with
from ragent.index.dense import Dense
from ragent.index.files import folder_lock, sweep
from ragent.index.stamped import Stamp
from ragent.retrieval.witness import holds, testify
from ragent.store import Snapshot

_FILE = "dense.index"
_MOST_DEAD = 0.2
_TAIL_SHARE = 0.05
_TAIL_LEAST, _TAIL_MOST = 64, 4096
_PATIENCE_SECONDS = 60.0

_TO_BUILD = {"flat": 2e-6, "lsh": 1e-5, "rabitq": 1e-5, "ivf": 1e-4, "hnsw_sq": 1e-3, "hnsw": 1.5e-3}
"""Seconds of CPU a vector."""
_TO_WRITE = 1e-6
_TRIFLE_SECONDS = 0.1

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """A file to be made.

    Attributes:
        task: `fold` moves the tail into what is built; `build` makes all of it anew.
        stamp: What the file will say of itself.
        base: What the file of `origin` says, None where there is none.
        index: What goes into it; it doesn't change any more.
        origin: The index in use, of which `index` is a copy.
        seconds: Of CPU that it will take, roughly.
    """

    task: Literal["build", "fold"]
    stamp: Stamp
    base: Stamp | None
    index: Dense
    origin: Dense
    seconds: float


class DenseSide:
    """Not safe for threads by itself: `Indexes` lets in one change, or any number of searches."""

    def __init__(self, folder: Path, dimension: int, space_id: int, settings: IndexSettings) -> None:
        self.path = folder / _FILE
        self.generation = 0
        self.index: Dense | None = None
        self._dimension = dimension
        self._space_id = space_id
        self._settings = settings
        self._wanted = {"dimension": dimension, "space": space_id}
        self._stamp: Stamp | None = None
        self._signature: tuple[int, ...] = ()
        self._witness: dict[str, str] = {}

    # -- in step with the store; under the lock of `Indexes` ---------------------------------------------

    def catch_up(self, snapshot: Snapshot) -> None:
        """Bring the index to the snapshot's moment, in memory."""
        if self.index is None or self.generation > snapshot.generation:
            self._open(snapshot)
        else:
            self._advance(self.index, snapshot)
            if self._task() and self._signature != _signature(self.path):
                # Another process may have done it.
                self._open(snapshot)
        self._witness = testify(snapshot)

    def restart(self, snapshot: Snapshot) -> None:
        """Read everything from the store, whatever the file holds."""
        self.generation, self._stamp = 0, None
        self.index = Dense(self._dimension)
        self._advance(self.index, snapshot)
        self._witness = testify(snapshot)

    @property
    def pending(self) -> bool:
        """Whether there is a job."""
        return self._task() is not None

    def job(self, most_seconds: float = math.inf) -> Job | None:
        """What there is to do that takes no longer than that; without a limit, trifles too.

        A collection without a file, whose kind takes longer, gets a flat one until somebody has the time.
        """
        if self.index is None or not self.index.labels.live_count:
            return None
        task, kind = self._task(), self._choice().kind
        stale = self._stamp is None or self._stamp.generation != self.generation
        trifle = self._seconds("fold", self.index.kind) < _TRIFLE_SECONDS < most_seconds == math.inf
        if task is None and stale and trifle:
            task = "fold"
        if task is None:
            return None
        kind = self.index.kind if task == "fold" else kind
        if self._seconds(task, kind) > most_seconds:
            if self.index.engine:
                return None
            kind = "flat"
        stamp = Stamp(self._made_with(kind), self.generation, self._witness)
        index, seconds = self.index.frozen(), self._seconds(task, kind)
        return Job(task, stamp, self._stamp, index, self.index, seconds)

    def adopt(self, job: Job, built: Dense, saved: bool) -> None:
        """Search what was built from now on, with what came since, unless the index was read anew."""
        index = self.index
        if index is not job.origin:
            return
        first = len(job.index.ids)
        newer = index.ids[first:]
        built.add(newer, index.take(index.labels.positions(newer)))
        built.remove(index.dead)
        self.index, self._stamp = built, job.stamp if saved else None
        self._signature = _signature(self.path)

    def drop_file(self) -> None:
        """What is left to do for a collection without chunks."""
        self.path.unlink(missing_ok=True)

    # -- the work; takes no lock of `Indexes` ------------------------------------------------------------

    def do(self, job: Job, watch: Watch) -> tuple[Dense, bool]:
        """What was built, and whether it is in the file, too. Raises what `watch` raises."""
        built = self._make(job, watch)
        try:
            with folder_lock(self.path.parent, _PATIENCE_SECONDS):
                sweep(self.path.parent)
                stamped.save(self.path, built, job.stamp)
            return self._load(mapped=True)[0], True
        except (OSError, CorruptIndex) as error:
            # A derived file: without it the next process makes the index again.
            _log.warning("can't save the dense index: %s", error)
            return built, False

    def _make(self, job: Job, watch: Watch) -> Dense:
        if job.task == "fold":
            try:
                base, stamp = self._load(mapped=False)
                if stamp == job.base and base.engine:
                    return fold(job.index, base.engine, watch)
            except (OSError, CorruptIndex) as error:
                _log.info("building the dense index anew: %s", error)
        return build(job.index, job.stamp.made_with["kind"], self._settings, watch)

    # -- what it says of itself --------------------------------------------------------------------------

    def facts(self, newest: int, count: int) -> dict[str, Any]:
        """What the file holds, and how far it is from the generation `newest` of `count` chunks."""
        choice = choose(self._settings, count)
        facts = {"kind": choice.kind, "why": choice.reason, "parameters": self._parameters(choice.kind)}
        try:
            held = stamped.describe(self.path, self._wanted)
        except FileNotFoundError:
            return facts | {"state": "missing: the next search builds it"}
        except (CorruptIndex, OSError) as error:
            return facts | {"state": f"to be rebuilt: {error}"}
        kind = held.stamp.made_with["kind"]
        choice = choose(self._settings, count, kind)
        if held.stamp.made_with != self._made_with(choice.kind):
            state = f"to be rebuilt as {choice.kind}: ragent index rebuild, or the next ingestion"
        elif held.stamp.generation != newest:
            state = "behind: searches add from the database what is newer"
        else:
            state = "fresh"
        return {
            "kind": kind,
            "why": choice.reason,
            "parameters": held.stamp.made_with["parameters"],
            "vectors": held.count - held.dead,
            "dead": held.dead,
            "generation": held.stamp.generation,
            "bytes": self.path.stat().st_size,
            "state": state,
        }

    # -- within ------------------------------------------------------------------------------------------

    def _open(self, snapshot: Snapshot) -> None:
        """Begin with the file, where it is sound and of this database, else with nothing."""
        self.index, self.generation, self._stamp = Dense(self._dimension), 0, None
        self._signature = _signature(self.path)
        try:
            index, stamp = self._load(mapped=True)
            if holds(stamp.witness, stamp.generation, snapshot):
                self.index, self.generation, self._stamp = index, stamp.generation, stamp
            else:
                _log.info("rebuilding the dense index: its file is of another database")
        except FileNotFoundError:
            pass
        except (CorruptIndex, OSError) as error:
            _log.info("rebuilding the dense index: %s", error)
        self._advance(self.index, snapshot)
        live = self.index.ids[self.index.labels.live_positions]
        if self._stamp and (len(live), int(live.sum())) != snapshot.tally():
            _log.warning("rebuilding the dense index: its file doesn't hold the database's chunks")
            self.restart(snapshot)

    def _advance(self, index: Dense, snapshot: Snapshot) -> None:
        index.remove(snapshot.deleted(self.generation))
        for ids, vectors in snapshot.vectors(self.generation):
            index.add(ids, vectors)
        self.generation = snapshot.generation

    def _load(self, *, mapped: bool) -> tuple[Dense, Stamp]:
        loaded = stamped.load(self.path, self._wanted, mapped=mapped)
        kind = loaded.stamp.made_with["kind"]
        engine = open_engine(kind, self._dimension, self._settings, loaded.native)
        return Dense(self._dimension, engine, loaded.labels), loaded.stamp

    def _task(self) -> Literal["build", "fold"] | None:
        index = self.index
        if index is None or not index.labels.live_count:
            return None
        kind = self._choice().kind
        # Where nothing can be written, what was built in memory has no stamp.
        suits = self._stamp.made_with == self._made_with(kind) if self._stamp else index.kind == kind
        if not (index.engine and suits) or len(index.dead) > _MOST_DEAD * len(index.ids):
            return "build"
        bound = min(_TAIL_MOST, max(_TAIL_LEAST, _TAIL_SHARE * index.built_count))
        return "fold" if index.tail_count > bound else None

    def _choice(self) -> Choice:
        index = self.index
        if index is None:
            return choose(self._settings, 0)
        return choose(self._settings, index.labels.live_count, index.kind if index.engine else None)

    def _seconds(self, task: Literal["build", "fold"], kind: str) -> float:
        if self.index is None:
            return 0.0
        count = self.index.tail_count if task == "fold" else self.index.labels.live_count
        return count * _TO_BUILD[kind] + self.index.labels.live_count * _TO_WRITE

    def _made_with(self, kind: str) -> dict[str, Any]:
        return made_with(self._dimension, self._space_id, self._settings, kind)

    def _parameters(self, kind: str) -> Any:
        return self._made_with(kind)["parameters"]


def _signature(path: Path) -> tuple[int, ...]:
    """Changes whenever another file takes the path."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_mtime_ns, found.st_size
