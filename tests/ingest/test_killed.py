"""Real processes, killed with SIGKILL. `evals/benchmarks/killing.py` kills more often."""

from __future__ import annotations

from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "evals" / "benchmarks"


@pytest.mark.slow
def test_killed_anywhere_it_stays_sound_and_ends_as_if_undisturbed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    from killing import trials

    outcomes = list(trials(tmp_path, kills=7, seed=3))
    assert [outcome for outcome in outcomes if outcome.problems] == []
    assert sum(outcome.phase != "it had ended" for outcome in outcomes) >= 5
