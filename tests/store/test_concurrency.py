"""Writers and readers at once. `evals/benchmarks/concurrency.py` has more of them, for longer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from evals.benchmarks.concurrency import Place, trial


def test_nothing_is_lost_doubled_or_wrong_where_many_write_and_read(tmp_path: Path, store_url: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        figures, wrong = trial(pool, Place(tmp_path, store_url, seconds=3), writers=4, readers=4)
    assert wrong == []
    assert {"ingestions", "searches", "looks"} <= figures.keys()
