"""Reads the runs that the database keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ragent.store import Store
from ragent.store.evals import find_eval_run, outcomes_of
from ragent_evals.estimates import Estimate
from ragent_evals.outcome import Outcome
from ragent_evals.running.kept import KeptRun
from ragent_evals.running.records import ReadText, case_from, outcome_from
from ragent_evals.running.texts import reader


def read_kept(store: Store, reference: str) -> KeptRun:
    """A run, whole, with the words of its passages as far as they still stand in the collection.

    Args:
        store: of the home.
        reference: its id, a beginning of it that no other has, or its name (then the newest of that name).

    Raises:
        StoreError: there is none, or there are several whose ids begin so.
    """
    with store.reading() as connection:
        run = find_eval_run(connection, reference)
        rows = outcomes_of(connection, run.id)
    read = reader(store, run.collection, run.configuration.get("prefix", ""))
    names = list(dict.fromkeys(name for row in rows for name in row.values))
    return KeptRun(
        id=run.id,
        name=run.name,
        set_name=run.set_name,
        split=run.split,
        version=run.version,
        corpus=run.corpus,
        collection=run.collection,
        configuration=run.configuration,
        cases=tuple(case_from(row.case) for row in rows),
        outcomes=tuple(outcome_from(row.outcome, read) for row in rows),
        values={name: tuple(row.values.get(name) for row in rows) for name in names},
        metrics={name: estimate_from(figure) for name, figure in run.metrics.items()},
        lower_is_better=frozenset(
            name for name, figure in run.metrics.items() if not figure.get("higher_is_better", True)
        ),
        total=run.cases,
        seconds=run.seconds,
        created_at=in_utc(run.created_at),
        finished_at=in_utc(run.finished_at),
    )


def in_utc(moment: datetime | None) -> datetime | None:
    """A moment that the database keeps: in UTC, though SQLite doesn't say so."""
    return moment and moment.replace(tzinfo=UTC)


def estimate_from(figure: Mapping[str, Any]) -> Estimate:
    """A figure that was kept."""
    return Estimate(figure["value"], figure["low"], figure["high"])


def outcomes_by_case(rows: Sequence[Any], read: ReadText) -> dict[str, Outcome]:
    """The outcomes in rows of the table, by their cases' ids."""
    return {row.case_id: outcome_from(row.outcome, read) for row in rows}
