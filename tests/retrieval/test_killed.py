"""Killed at any moment, or beside one another, processes leave indexes that say what the store says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ragent.config import IndexSettings
from ragent.retrieval import Indexes
from ragent.store import Store
from tests.making import FINGERPRINT

ROOT = Path(__file__).parents[2]
SETTINGS = IndexSettings(kind="hnsw", hnsw_m=8, hnsw_ef_construction=32)
BATCHES, DOCUMENTS = 6, 25

# Writes, searches and saves, then ends.
WRITER = """
import sys
from pathlib import Path
from ragent.retrieval import Indexes
from ragent.store import Store
from tests.making import FINGERPRINT, new_document
from tests.retrieval.test_killed import BATCHES, DOCUMENTS, SETTINGS
home, name = sys.argv[1:]
with Store.open(Path(home)) as store:
    collection = store.ensure_collection("default", FINGERPRINT)
    indexes = Indexes(store, collection, SETTINGS)
    for batch in range(BATCHES):
        numbers = range(batch * DOCUMENTS, (batch + 1) * DOCUMENTS)
        store.write(collection, [new_document(f"{name}{n}", [f"common {name}{n}"]) for n in numbers])
        indexes.rebuild() if batch == 3 else indexes.refresh()
        with indexes.view() as view:
            assert view.keyword.search(f"{name}{numbers[-1]}", 1)[0].size == 1
"""


def test_two_processes_end_with_the_union(tmp_path: Path) -> None:
    home = tmp_path / "home"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(home), name], cwd=ROOT)
        for name in ("apple", "pear")
    ]
    assert [writer.wait(timeout=300) for writer in writers] == [0, 0]
    with Store.open(home) as store:
        collection = store.ensure_collection("default", FINGERPRINT)
        with store.snapshot(collection) as snapshot:
            live = snapshot.live().tolist()
        assert len(live) == 2 * BATCHES * DOCUMENTS
        assert len(store.known_documents(collection.id)) == len(live)
        with Indexes(store, collection, SETTINGS).view() as view:
            assert np.setdiff1d(view.dense.ids, view.dense.dead).tolist() == live
            assert sorted(view.keyword.search("common", 1000)[0].tolist()) == live


@pytest.mark.slow
def test_killed_at_random_moments() -> None:
    script = ROOT / "evals" / "benchmarks" / "killing_indexes.py"
    run = subprocess.run(
        [sys.executable, str(script), "--kills", "4", "--chunks", "300"], capture_output=True
    )
    assert run.returncode == 0, run.stdout.decode() + run.stderr.decode()
