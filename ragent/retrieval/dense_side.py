"""Keeps a collection's dense index, in memory and in its file, in step with the store."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ragent.config import IndexSettings
from ragent.errors import CorruptIndex
from ragent.index import stamped
from ragent.index.dense import load_dense, made_with, make_dense
from ragent.protocols import DenseIndex
from ragent.retrieval.witness import holds, testify
from ragent.store import Snapshot

_FILE = "dense.index"
_MOST_DEAD = 0.2
_SAVE_SHARE = 0.01
_SAVE_COUNT = 256
_SLICE = 2048

_log = logging.getLogger(__name__)


class DenseSide:
    """Not safe for threads by itself: `Indexes` lets in one change, or any number of searches."""

    def __init__(self, folder: Path, dimension: int, space_id: int, settings: IndexSettings) -> None:
        self.path = folder / _FILE
        self.generation = 0
        self.index: DenseIndex | None = None
        self._dimension = dimension
        self._settings = settings
        self._made_with = made_with(dimension, space_id, settings)
        self._unsaved = 0

    def catch_up(self, snapshot: Snapshot, may_write: bool, on_progress: Callable[[int, int], None]) -> None:
        """Bring the index to the snapshot's moment; save it where that pays and is allowed."""
        just_read = self.index is None or self.generation > snapshot.generation
        if just_read:
            self._read(snapshot)
        if self.index is None:
            self.build(snapshot, may_write, on_progress)
            return
        removed = snapshot.deleted(self.generation)
        self.index.remove(removed)
        if len(self.index.dead) > _MOST_DEAD * len(self.index.ids):
            self.build(snapshot, may_write, on_progress)
            return
        added = self._add(self.index, snapshot, self.generation, on_progress)
        if just_read and not _equal(self.index, snapshot):
            self.build(snapshot, may_write, on_progress)
            return
        self.generation = snapshot.generation
        self._unsaved += added + len(removed)
        if self._unsaved >= min(_SAVE_COUNT, max(1, _SAVE_SHARE * len(self.index.ids))):
            self._save(snapshot, may_write)

    def build(self, snapshot: Snapshot, may_write: bool, on_progress: Callable[[int, int], None]) -> None:
        """Make the index anew from the store, and save it."""
        index = make_dense(self._dimension, self._settings)
        self._add(index, snapshot, 0, on_progress)
        self.index, self.generation = index, snapshot.generation
        self._save(snapshot, may_write)

    def facts(self, newest: int) -> dict[str, Any]:
        """What the file holds, and whether it shows the generation `newest`."""
        facts = {"kind": self._settings.kind, "parameters": self._made_with["parameters"]}
        try:
            held = stamped.describe(self.path, self._made_with)
        except FileNotFoundError:
            return facts | {"state": "missing: the next search builds it"}
        except (CorruptIndex, OSError) as error:
            return facts | {"state": f"to be rebuilt: {error}"}
        return facts | {
            "vectors": held.count - held.dead,
            "dead": held.dead,
            "generation": held.stamp.generation,
            "bytes": self.path.stat().st_size,
            "state": "fresh" if held.stamp.generation == newest else "stale: the next search catches up",
        }

    def _add(
        self, index: DenseIndex, snapshot: Snapshot, since: int, on_progress: Callable[[int, int], None]
    ) -> int:
        # Counting costs a query: only for the long builds, whose progress someone may watch.
        total = 0 if since else len(snapshot.live())
        done = 0
        for ids, vectors in snapshot.vectors(since):
            for first in range(0, len(ids), _SLICE):
                part = slice(first, first + _SLICE)
                index.add(ids[part], vectors[part])
                done += len(ids[part])
                on_progress(done, max(total, done))
        return done

    def _read(self, snapshot: Snapshot) -> None:
        self.index, self.generation, self._unsaved = None, 0, 0
        try:
            index, stamp = load_dense(self.path, self._settings, self._made_with)
        except FileNotFoundError:
            return
        except (CorruptIndex, OSError) as error:
            _log.info("rebuilding the dense index: %s", error)
            return
        if not holds(stamp.witness, stamp.generation, snapshot):
            _log.info("rebuilding the dense index: its file is of another database")
            return
        self.index, self.generation = index, stamp.generation

    def _save(self, snapshot: Snapshot, may_write: bool) -> None:
        if not may_write or self.index is None:
            return
        try:
            stamped.save(
                self.path, self.index, stamped.Stamp(self._made_with, self.generation, testify(snapshot))
            )
            self._unsaved = 0
        except OSError as error:
            # A derived file: without it the next process builds the index again.
            _log.warning("can't save the dense index: %s", error)


def _equal(index: DenseIndex, snapshot: Snapshot) -> bool:
    live = np.setdiff1d(index.ids, index.dead, assume_unique=True)
    return np.array_equal(live, snapshot.live())
