"""kill -9 of a Ray worker, while it reads or embeds."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from ragent.config import IngestSettings
from ragent.ingest.cluster import Cluster
from tests.faults.harness import Outcome, Record, survive
from tests.faults.scenes import Place, bring_in, check, check_end, copy_home, write_first
from tests.making import HashedWords

# Ray isn't imported here: what a cluster listens to is decided when it is.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),
    pytest.mark.skipif(not find_spec("ray"), reason="Ray is an extra: pip install 'ragent[ray]'"),
]

# On a busy machine, a worker that is started again may take its time.
SETTINGS = IngestSettings(readers=2, engine="ray", file_seconds=300)
PATIENCE_SECONDS = 120.0


@pytest.fixture(scope="module", autouse=True)
def ray() -> Iterator[None]:
    """Ray itself, for all rounds: each has workers of its own, because one isn't started again for ever."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
    module = import_module("ray")
    module.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    module.shutdown()


def test_killed_at_any_moment_it_costs_nothing(tmp_path: Path, record_property: Record) -> None:
    scene = write_first(tmp_path / "documents")
    place = Place(tmp_path / "home", scene.documents)
    told: set[str] = set()

    def ingest(cluster: Cluster) -> float:
        copy_home(None, place.home)
        told.clear()
        began = time.monotonic()
        report = bring_in(place, lambda one: told.add(one.uri), cluster.embedder, cluster)
        assert not report.failed
        return time.monotonic() - began

    with Cluster(SETTINGS, HashedWords(), HashedWords) as cluster:
        ingest(cluster)
        length = ingest(cluster)

    def strike(number: int, moment: float) -> Outcome:
        with Cluster(SETTINGS, HashedWords(), HashedWords) as cluster:
            over = threading.Event()
            killed: list[int] = []
            killer = threading.Thread(target=kill, args=(number, moment * length, over, killed))
            killer.start()
            problems = []
            try:
                ingest(cluster)
            except Exception as error:
                problems.append(f"ingesting raised {error!r}")
            over.set()
            killer.join(PATIENCE_SECONDS)
        problems += check(place, scene, told) + check_end(place, scene)
        return Outcome("while it worked" if killed else "", tuple(problems))

    survive("kill -9 of a Ray worker", record_property, strike)


def kill(number: int, seconds: float, over: threading.Event, killed: list[int]) -> None:
    """Kill one of the workers then, unless all is over."""
    if over.wait(seconds):
        return
    workers = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if "ray::Worker" in "".join(process.cmdline()):
                workers.append(process)
    victim = workers[number % len(workers)]
    victim.kill()
    killed.append(victim.pid)
