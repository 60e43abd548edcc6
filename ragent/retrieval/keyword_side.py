"""Keeps a collection's keyword index in step with the store."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ragent.errors import CorruptIndex
from ragent.index.keyword import KeywordIndex
from ragent.index.manifest import Manifest, checksums, read_manifest, write_manifest
from ragent.protocols import Ids
from ragent.retrieval.witness import holds, testify
from ragent.store import IndexedText, Snapshot
from ragent.words import analysis

_FOLDER = "keyword"
_MANIFEST = "keyword.json"
_MOST_REMOVED = 0.2

_NO_IDS: Ids = np.empty(0, dtype=np.int64)

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _State:
    index: KeywordIndex
    generation: int
    removed: int
    files: dict[str, str]
    on_disk: bool


class KeywordSide:
    """Not safe for threads by itself: `Indexes` lets in one change, or any number of searches.

    Where the folder can't be written, the index lives in memory.
    """

    def __init__(self, folder: Path, space_id: int) -> None:
        self.folder = folder / _FOLDER
        self._manifest_path = folder / _MANIFEST
        self._made_with = {"engine": "tantivy", "analysis": analysis.VERSION, "space": space_id}
        self._state: _State | None = None

    @property
    def index(self) -> KeywordIndex | None:
        return self._state.index if self._state else None

    @property
    def generation(self) -> int:
        return self._state.generation if self._state else 0

    def catch_up(self, snapshot: Snapshot, may_write: bool, on_progress: Callable[[int, int], None]) -> None:
        """Bring the index to the snapshot's moment. With `may_write` the caller holds the folder's lock."""
        try:
            self._catch_up(snapshot, may_write, on_progress)
        except (OSError, ValueError) as error:
            if not may_write:
                raise
            # The disk doesn't take it; tantivy says so by ValueError.
            _log.warning("keeping the keyword index in memory: %s", error)
            self.build(snapshot, False, on_progress)

    def _catch_up(self, snapshot: Snapshot, may_write: bool, on_progress: Callable[[int, int], None]) -> None:
        before = self._state
        if may_write:
            # Another process may have been here since: what it wrote counts, not what this one remembers.
            self._state = self._read(snapshot)
        elif self._state and self._state.on_disk:
            self._state = None
        state = self._state
        if state is None or state.generation > snapshot.generation:
            self.build(snapshot, may_write, on_progress)
            return
        if state.generation == snapshot.generation:
            return
        removed = snapshot.deleted(state.generation)
        if state.removed + len(removed) > _MOST_REMOVED * max(1, len(state.index)):
            self.build(snapshot, may_write, on_progress)
            return
        state.index.update(removed, snapshot.texts(state.generation))
        if state is not before and len(state.index) != snapshot.tally()[0]:
            self.build(snapshot, may_write, on_progress)
            return
        self._settle(state, snapshot, state.removed + len(removed))

    def build(self, snapshot: Snapshot, may_write: bool, on_progress: Callable[[int, int], None]) -> None:
        """Make the index anew from the store."""
        self._state = None
        if may_write:
            self._manifest_path.unlink(missing_ok=True)
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir()
        index = KeywordIndex(self.folder if may_write else None)
        total, _ = snapshot.tally()
        index.update(_NO_IDS, _told(snapshot.texts(0), total, on_progress))
        self._settle(_State(index, 0, 0, {}, on_disk=may_write), snapshot, removed=0)

    def facts(self, newest: int) -> dict[str, Any]:
        """What the files hold, and whether they show the generation `newest`."""
        facts = {"kind": "bm25", "parameters": {"k1": 1.2, "b": 0.75}}
        try:
            manifest = read_manifest(self._manifest_path, self._made_with)
            self._check_files(manifest)
            count = len(KeywordIndex(self.folder))
        except FileNotFoundError:
            return facts | {"state": "missing: the next search builds it"}
        except (CorruptIndex, OSError) as error:
            return facts | {"state": f"to be rebuilt: {error}"}
        return facts | {
            "chunks": count,
            "generation": manifest.generation,
            "bytes": sum((self.folder / name).stat().st_size for name in manifest.files),
            "state": "fresh" if manifest.generation == newest else "stale: the next search catches up",
        }

    def _check_files(self, manifest: Manifest) -> None:
        # Files beyond the manifest's are what a killed writer had not committed: tantivy passes them over.
        known = self._state.files if self._state else {}
        if not manifest.files.items() <= checksums(self.folder, known).items():
            raise CorruptIndex("its files are not those of its manifest")

    def _settle(self, state: _State, snapshot: Snapshot, removed: int) -> None:
        files = checksums(self.folder, state.files) if state.on_disk else {}
        self._state = _State(state.index, snapshot.generation, removed, files, state.on_disk)
        if state.on_disk:
            write_manifest(
                self._manifest_path,
                Manifest(self._made_with, snapshot.generation, testify(snapshot), removed, files),
            )

    def _read(self, snapshot: Snapshot) -> _State | None:
        """What is on the disk, all of it checked; None when it is missing or can't be trusted."""
        try:
            manifest = read_manifest(self._manifest_path, self._made_with)
            if self._state and self._state.on_disk and self._state.files == dict(manifest.files):
                return self._state
            self._check_files(manifest)
            index = KeywordIndex(self.folder)
        except FileNotFoundError:
            return None
        except (CorruptIndex, OSError) as error:
            _log.info("rebuilding the keyword index: %s", error)
            return None
        if not holds(manifest.witness, manifest.generation, snapshot):
            _log.info("rebuilding the keyword index: it is of another database")
            return None
        return _State(index, manifest.generation, manifest.removed, dict(manifest.files), on_disk=True)


def _told(
    texts: Iterator[list[IndexedText]], total: int, on_progress: Callable[[int, int], None]
) -> Iterator[list[IndexedText]]:
    done = 0
    for some in texts:
        yield some
        done += len(some)
        on_progress(done, max(total, done))
