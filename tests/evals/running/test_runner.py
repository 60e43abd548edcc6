from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from ragent import Rag
from ragent.errors import ConfigError, EvalError, StoreError
from ragent.store.evals import drop_eval_run, list_eval_runs, outcomes_of
from ragent_evals.outcome import Outcome
from ragent_evals.running.reading import read_kept
from ragent_evals.running.runner import RunOptions, RunReport, run_on
from ragent_evals.running.sitting import Progress
from ragent_evals.running.texts import Ground
from ragent_evals.sets.case import Case, EvalSet
from tests.evals.running.making import Echo, numbered

METRICS = ("validity", "prompt_tokens", "seconds_p50")


@pytest.fixture
def rag(tmp_path: Path) -> Iterator[Rag]:
    with Rag.open(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def echo(tmp_path: Path) -> Echo:
    return Echo(tmp_path / "noted")


def run(rag: Rag, eval_set: EvalSet, echo: Echo, options: RunOptions | None = None) -> RunReport:
    options = replace(options or RunOptions(), metrics=METRICS)
    return run_on(Ground(rag, eval_set.corpus), eval_set, options, {"schema": echo})


def stopping_after(count: int) -> RunOptions:
    asked = iter(range(10_000))
    return RunOptions(should_stop=lambda: next(asked) >= count)


def test_a_run_is_kept_with_its_figures_and_traces(rag: Rag, echo: Echo) -> None:
    said: list[Progress] = []
    report = run(rag, numbered(6), echo, RunOptions(name="first", split="dev", on_progress=said.append))
    assert (report.set, report.split, report.cases, report.total, report.errors) == (
        "numbered",
        "dev",
        6,
        6,
        0,
    )
    assert report.metrics["prompt_tokens"].value == 3.0
    assert set(report.slices["half"]) == {"first", "second"}
    assert said[-1] == Progress(6, 6, 0)
    kept = read_kept(rag.store, "first")
    assert kept == read_kept(rag.store, report.run) == read_kept(rag.store, report.run[:8])
    assert kept.cases == numbered(6).cases
    assert [outcome.text for outcome in kept.outcomes] == [f"Answer {number}" for number in range(6)]
    assert kept.metrics == report.metrics
    assert kept.values["prompt_tokens"] == (3.0,) * 6
    assert "seconds_p50" in kept.lower_is_better
    assert kept.created_at is not None
    assert kept.finished_at is not None
    assert kept.created_at.utcoffset() == timedelta(0)
    from ragent.store import TraceStore

    (trace,) = TraceStore(rag.store).find(kept.outcomes[2].trace_id)
    assert trace.root.attributes["ragent.eval.case"] == "c2"


def test_an_error_is_the_case_s_own(rag: Rag, echo: Echo) -> None:
    failing = replace(echo, failing=("c1", "c4"), at_once=3)
    report = run(rag, numbered(6), failing)
    assert (report.cases, report.errors) == (6, 2)
    assert sorted(failing.seen()) == ["c0", "c2", "c3", "c5"]
    kept = read_kept(rag.store, report.run)
    assert [outcome.error for outcome in kept.outcomes[:2]] == ["", "ValueError: it can't be done"]
    assert kept.values["validity"][1] == 0.0


def test_a_run_that_was_stopped_goes_on(rag: Rag, echo: Echo) -> None:
    stopped = run(rag, numbered(6), echo, stopping_after(2))
    assert (stopped.cases, stopped.is_finished, stopped.metrics) == (2, False, {})
    assert read_kept(rag.store, stopped.run).total == 6
    report = run(rag, numbered(6), echo)
    assert (report.run, report.cases, report.resumed, report.cached) == (stopped.run, 6, 2, 0)
    assert sorted(echo.seen()) == [f"c{number}" for number in range(6)]
    assert report.metrics["prompt_tokens"].value == 3.0


def test_another_set_seed_or_a_fresh_start_is_another_run(rag: Rag, echo: Echo) -> None:
    stopped = run(rag, numbered(4), echo, stopping_after(1))
    assert run(rag, numbered(4, version="v2"), echo).run != stopped.run
    fresh = run(rag, numbered(4), echo, RunOptions(fresh=True))
    assert (fresh.run != stopped.run, fresh.resumed) == (True, 0)


def test_a_case_that_another_run_has_is_copied(rag: Rag, echo: Echo) -> None:
    failing = replace(echo, failing=("c2",))
    first = run(rag, numbered(4), failing)
    second = run(rag, numbered(5), echo)
    assert (second.run != first.run, second.cached, second.errors) == (True, 3, 0)
    assert sorted(echo.seen()) == ["c0", "c1", "c2", "c3", "c4"]
    again = run(rag, numbered(5), echo, RunOptions(cached=False))
    assert (again.cached, len(echo.seen())) == (0, 10)
    assert again.metrics["prompt_tokens"] == second.metrics["prompt_tokens"]


def test_what_should_come_of_a_case_is_no_part_of_its_key(rag: Rag, echo: Echo) -> None:
    run(rag, numbered(2), echo)
    changed = tuple(replace(case, answers=("other",)) for case in numbered(2).cases)
    assert run(rag, replace(numbered(2), cases=changed, version="v2"), echo).cached == 2


@dataclass(frozen=True)
class Meeting:
    """A subject that goes on once so many threads are in it."""

    barrier: threading.Barrier
    at_once: int = 1

    def run(self, cases: Sequence[Case]) -> list[Outcome]:
        self.barrier.wait(30)
        return [Outcome(case.id) for case in cases]


def test_cases_run_side_by_side_and_are_kept_in_order(rag: Rag) -> None:
    options = RunOptions(parallel=3, metrics=METRICS)
    ground = Ground(rag, "")
    report = run_on(ground, numbered(6), options, {"schema": Meeting(threading.Barrier(3))})
    assert report.cases == 6
    assert [case.id for case in read_kept(rag.store, report.run).cases] == [f"c{n}" for n in range(6)]


def test_one_process_at_a_time_is_at_a_run(rag: Rag, echo: Echo, tmp_path: Path) -> None:
    caught: list[EvalError] = []

    def meddle() -> bool:
        if not caught:
            with pytest.raises(EvalError, match="another process is at the run") as told:
                run(rag, numbered(3), echo)
            caught.append(told.value)
        return False

    assert run(rag, numbered(3), echo, RunOptions(should_stop=meddle)).is_finished
    assert not list((tmp_path / "home" / "eval").iterdir())


def test_unknown_metrics_runs_and_empty_sets_are_told_of(rag: Rag, echo: Echo) -> None:
    ground = Ground(rag, "")
    with pytest.raises(ConfigError, match="unknown metric 'no-such'"):
        run_on(ground, numbered(1), RunOptions(metrics=("no-such",)), {"schema": echo})
    with pytest.raises(EvalError, match="has no cases"):
        run(rag, numbered(0), echo)
    with pytest.raises(StoreError, match="no run of an eval set called 'nowhere'"):
        read_kept(rag.store, "nowhere")
    assert echo.seen() == []


def test_deleting_a_run_deletes_its_outcomes(rag: Rag, echo: Echo) -> None:
    report = run(rag, numbered(3), echo)
    with rag.store.writing() as connection:
        drop_eval_run(connection, report.run)
        assert list_eval_runs(connection) == []
        assert outcomes_of(connection, report.run) == []
