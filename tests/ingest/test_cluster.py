from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from ragent.config import IngestSettings
from ragent.errors import RagentError
from ragent.ingest import Callbacks, Ingestor, Options, Origin, Progress
from ragent.ingest.cluster import Cluster, Spread
from ragent.store import Store
from ragent.types import IngestReport
from tests.ingest import faking
from tests.ingest.test_sync import Folder
from tests.making import FINGERPRINT, HashedWords

# Ray isn't imported here: what a cluster listens to is decided when it is.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),
    pytest.mark.skipif(not find_spec("ray"), reason="Ray is an extra: pip install 'ragent[ray]'"),
]

SETTINGS = IngestSettings(batch_chunks=40, readers=2, file_seconds=2, engine="ray")
TEXTS = {f"f{i:03}": "\n".join(f"line {line} of file {i}" for line in range(i % 9 + 1)) for i in range(150)}
TEXTS |= {"f020": "broken", "f050": "segfault", "f070": "hang", "f100": TEXTS["f005"]}
TEXTS |= {"f120": "archive\none\ntwo\nsegfault\nthree"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(SETTINGS, HashedWords(), HashedWords) as opened:
        yield opened


Rows = list[tuple[Any, ...]]


def ingest(
    home: Path, on_progress: Callable[[Progress], None] = lambda _: None, **how: Any
) -> tuple[IngestReport, Rows]:
    with Store.open(home) as store:
        collection = store.ensure_collection("default", FINGERPRINT)
        ingestor = Ingestor(store, collection, HashedWords(), faking.Lines(), SETTINGS)
        callbacks = Callbacks(faking.parse, on_progress, unpack=faking.unpack)
        origin = Origin(Folder(dict(TEXTS)), store.remember_source(collection, "folder:"))
        report = replace(ingestor, **how).run([origin], callbacks, Options())
    with sqlite3.connect(home / "ragent.db") as database:
        query = (
            "SELECT d.id, d.uri, d.content_hash, c.id, c.start, c.end, c.text, v.data FROM documents d"
            " LEFT JOIN chunks c ON c.document_id = d.id LEFT JOIN vectors v ON v.chunk_id = c.id"
            " ORDER BY d.id, c.id"
        )
        return report, database.execute(query).fetchall()


def test_the_result_is_the_same_row_for_row(cluster: Cluster, tmp_path: Path) -> None:
    local, rows = ingest(tmp_path / "local")
    spread, others = ingest(tmp_path / "spread", embedder=cluster.embedder, reading=cluster)
    assert replace(spread, seconds=0) == replace(local, seconds=0)
    assert len(local.failed) == 4
    check_equal(rows, others)


def test_a_killed_worker_costs_nothing(cluster: Cluster, tmp_path: Path) -> None:
    killed = []

    def kill(progress: Progress) -> None:
        if progress.done == 40:
            workers = [
                one for one in psutil.Process().children(True) if "ray::Worker" in "".join(one.cmdline())
            ]
            killed.append(workers[0].pid)
            workers[0].kill()

    _, rows = ingest(tmp_path / "local")
    report, others = ingest(tmp_path / "spread", kill, embedder=cluster.embedder, reading=cluster)
    assert len(killed) == 1
    assert len(report.failed) == 4
    check_equal(rows, others)


def check_equal(rows: Rows, others: Rows) -> None:
    assert [row[:-1] for row in others] == [row[:-1] for row in rows]
    for row, other in zip(rows, others, strict=True):
        if row[-1] is not None:
            one, two = (np.frombuffer(data, np.float16) for data in (row[-1], other[-1]))
            np.testing.assert_allclose(one.astype(float), two.astype(float), atol=2e-3)


def test_it_listens_to_this_machine_only(cluster: Cluster) -> None:
    addresses = {
        connection.laddr.ip
        for process in psutil.Process().children(recursive=True)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses
    assert addresses <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}


def test_a_worker_with_another_model_is_refused(cluster: Cluster) -> None:
    other = HashedWords(fingerprint=replace(FINGERPRINT, model="another"))
    with pytest.raises(RagentError, match="another model"):
        Spread(other, cluster.embedder.workers, import_module("ray")).check()
