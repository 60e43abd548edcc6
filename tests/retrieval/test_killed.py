"""Killed at any moment, the indexes open again and say what the store says."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ragent.config import IndexSettings
from ragent.retrieval import Indexes
from ragent.store import Collection, Store
from tests.making import FINGERPRINT, HashedWords

KILLS = 12
SETTINGS = IndexSettings(kind="hnsw", hnsw_m=8, hnsw_ef_construction=32)

# Writes, deletes, saves and rebuilds without end; says when it has begun.
WORKER = """
import random, sys
from pathlib import Path
from ragent.retrieval import Indexes
from ragent.store import Store
from tests.making import FINGERPRINT, new_document
from tests.retrieval.test_killed import SETTINGS
chance = random.Random(int(sys.argv[2]))
def edition(chance, n):
    return new_document(f"d{n}", [f"common text{n} of edition{chance.randrange(10**6)}"])

with Store.open(Path(sys.argv[1])) as store:
    collection = store.ensure_collection("default", FINGERPRINT)
    indexes = Indexes(store, collection, SETTINGS)
    print("begun", flush=True)
    while True:
        numbers = chance.sample(range(400), 30)
        store.write(collection, [edition(chance, n) for n in numbers])
        if chance.random() < 0.4:
            known = store.known_documents(collection.id)
            store.remove(collection, [known[uri].id for uri in chance.sample(sorted(known), 15)])
        indexes.rebuild() if chance.random() < 0.2 else indexes.refresh()
"""


def truth(store: Store, collection: Collection) -> dict[int, str]:
    with store.snapshot(collection) as snapshot:
        return {text.chunk_id: text.text for some in snapshot.texts(0) for text in some}


def check(store: Store, collection: Collection) -> None:
    texts = truth(store, collection)
    ids = np.array(sorted(texts), dtype=np.int64)
    vectors = HashedWords().embed_documents([texts[id_] for id_ in ids.tolist()])
    with Indexes(store, collection, SETTINGS).view() as view:
        assert np.setdiff1d(view.dense.ids, view.dense.dead).tolist() == ids.tolist()
        found, _ = view.keyword.search("common", len(ids) + 1)
        assert sorted(found.tolist()) == ids.tolist()
        for id_, vector in zip(ids[::7].tolist(), vectors[::7], strict=True):
            words = texts[id_].split()
            assert view.keyword.search(words[-1], 3)[0].tolist()[:1] == [id_]
            assert view.dense.score(vector, np.array([id_]))[0] == pytest.approx(1, abs=1e-2)
        exact = np.argsort(-(vectors[:20] @ vectors.T), axis=1)[:, :5]
        near, _ = view.dense.search(vectors[:20], 5)
        overlap = [len(set(a) & set(b)) for a, b in zip(near.tolist(), ids[exact].tolist(), strict=True)]
        assert np.mean(overlap) > 4.5


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path: Path) -> None:
    chance = random.Random(7)
    home = tmp_path / "home"
    for seed in range(KILLS):
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(home), str(seed)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"begun\n"
        time.sleep(chance.uniform(0, 0.6))
        assert worker.poll() is None
        worker.kill()
        worker.wait()
        worker.stdout.close()
        with Store.open(home) as store:
            collection = store.ensure_collection("default", FINGERPRINT)
            if truth(store, collection):
                check(store, collection)


@pytest.mark.slow
def test_two_processes_at_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Store.open(home) as store:
        collection = store.ensure_collection("default", FINGERPRINT)
        workers = [
            subprocess.Popen(
                [sys.executable, "-c", WORKER, str(home), str(seed)],
                stdout=subprocess.PIPE,
                cwd=Path(__file__).parents[2],
            )
            for seed in (1, 2)
        ]
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == b"begun\n"
        time.sleep(2)
        assert [worker.poll() for worker in workers] == [None, None]
        for worker in workers:
            worker.kill()
            worker.wait()
            assert worker.stdout is not None
            worker.stdout.close()
        check(store, collection)
