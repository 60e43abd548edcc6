"""Runs of an eval set, put into a home for pages to show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ragent.store import Store
from tests.evals.keeping import keep, kept

HOSTILE = "<img src=x onerror=alert(1)> [1] *no*"


def keep_runs(home: Path) -> None:
    """Two runs over the same eight cases, `slow` a worse one than `quick`, and one over others."""
    f1 = [0.0, 0.2, 0.0, 0.4, 0.5, 0.0, 0.1, 1.0]
    before = kept({"f1": f1, "seconds": [1.0, 2.0] * 4}, "slow", lower_is_better=frozenset({"seconds"}))
    after = kept({"f1": [1.0] * 8, "seconds": [0.5, 1.0] * 4}, "quick", configuration={"k": 4})
    after = replace(
        after,
        lower_is_better=frozenset({"seconds"}),
        outcomes=tuple(replace(each, text=f"{HOSTILE} {at}") for at, each in enumerate(after.outcomes)),
    )
    with Store.open(home) as store:
        for run in (before, after, kept({"f1": [0.5]}, "other", version="v2")):
            keep(store, run)
