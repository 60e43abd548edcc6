"""A run that is killed at any moment goes on where it was, and comes to the same as one that wasn't."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from ragent import Rag
from ragent.store import Store
from ragent.store.evals import cases_done, list_eval_runs
from ragent_evals.running.reading import read_kept
from ragent_evals.running.runner import RunOptions, run_on
from ragent_evals.running.texts import Ground
from tests.evals.running.making import Echo, numbered

CASES = 24
SCRIPT = f"""
import sys
from pathlib import Path
from ragent import Rag
from ragent_evals.running.runner import RunOptions, run_on
from ragent_evals.running.texts import Ground
from tests.evals.running.making import Echo, numbered

home, url, noted, parallel = sys.argv[1:]
options = RunOptions(parallel=int(parallel), metrics=("validity", "prompt_tokens"))
with Rag.open(home, store={{"url": url}}) as rag:
    run_on(Ground(rag, ""), numbered({CASES}), options, {{"schema": Echo(Path(noted), seconds=0.1)}})
"""


def start(home: Path, url: str, noted: Path, parallel: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", SCRIPT, str(home), url, str(noted), str(parallel)]
    return subprocess.Popen(command, cwd=Path(__file__).parents[3])


def kill_after(process: subprocess.Popen[bytes], store: Store, count: int) -> set[str]:
    """Kill the run once so many cases are done; which they are."""
    deadline = time.monotonic() + 60
    while len(done(store)) < count:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return done(store)


def done(store: Store) -> set[str]:
    with store.reading() as connection:
        runs = list_eval_runs(connection)
        return cases_done(connection, runs[0].id) if runs else set()


def test_a_killed_run_repeats_no_finished_case(tmp_path: Path, store_url: str) -> None:
    home = tmp_path / "home"
    watched = Store.open(home, store_url)
    assert watched.collections() == []
    finished: set[str] = set()
    for sitting, (count, parallel) in enumerate(((3, 1), (8, 3))):
        noted = tmp_path / f"noted{sitting}"
        before = finished
        finished = kill_after(start(home, store_url, noted, parallel), watched, count)
        assert before <= finished
        assert not before & set(Echo(noted).seen())
    assert count <= len(finished) < CASES
    last = tmp_path / "last"
    assert start(home, store_url, last, 2).wait(60) == 0
    assert sorted(Echo(last).seen()) == sorted({case.id for case in numbered(CASES).cases} - finished)

    undisturbed = RunOptions(metrics=("validity", "prompt_tokens"))
    with Rag.open(tmp_path / "other") as rag:
        report = run_on(Ground(rag, ""), numbered(CASES), undisturbed, {"schema": Echo(tmp_path / "n", 0.1)})
        expected = read_kept(rag.store, report.run)
    with watched:
        with watched.reading() as connection:
            (run,) = list_eval_runs(connection)
        kept = read_kept(watched, run.id)
    assert kept.finished_at is not None
    assert (kept.cases, kept.values, kept.metrics) == (expected.cases, expected.values, expected.metrics)
    assert [outcome.text for outcome in kept.outcomes] == [outcome.text for outcome in expected.outcomes]
