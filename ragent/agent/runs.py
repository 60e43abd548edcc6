"""Keeps runs in the database of a home, step by step, so that another process can go on with them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from ragent.agent.run import Call, Observation, Run, Step
from ragent.errors import StoreError
from ragent.rag.condensing import added
from ragent.store import Store, runs
from ragent.types import Usage

if TYPE_CHECKING:
    from sqlalchemy import Connection

_POLL_SECONDS = 0.3


class Record(Protocol):
    """Where one run is kept by whoever goes on with it."""

    def intend(self, step: Step) -> None:
        """Note calls, as a step without observations, before they are made: none is to be made twice."""

    def keep(self, run: Run) -> None:
        """Keep the run's last step, which is done, and what the run came to so far."""

    def is_cancelled(self) -> bool:
        """Whether somebody asked for its end."""


class RunStore(Protocol):
    """Where runs are kept."""

    def begin(self, run: Run) -> Record:
        """Keep a run that has no steps yet."""

    def reopen(self, run_id: str) -> tuple[Run, Record]:
        """A run to go on with. Raises StoreError if there is none of that id."""


class Unkept:
    """Keeps nothing."""

    def intend(self, step: Step) -> None:
        """Nothing is noted."""

    def keep(self, run: Run) -> None:
        """Nothing is kept."""

    def is_cancelled(self) -> bool:
        """Nobody could ask for it."""
        return False


@dataclass(frozen=True, slots=True)
class SavedRuns:
    """The runs in the database of a home.

    Attributes:
        store: the home's.
        made_with: JSON that is kept with each run: what it takes to make the same agent again.
    """

    store: Store
    made_with: Mapping[str, Any] = field(default_factory=dict)

    def begin(self, run: Run) -> Record:
        """Keep a run that has no steps yet."""
        record = _SavedRun(self.store, run.id, uuid.uuid4().hex)
        with self.store.writing() as connection:
            values = {"id": run.id, "task": run.task, "parent_id": run.parent, "owner": record.owner}
            runs.add_run(connection, {**values, **_columns(run), "made_with": dict(self.made_with)})
        return record

    def reopen(self, run_id: str) -> tuple[Run, Record]:
        """A run to go on with; whoever did so before can't any more. Raises StoreError."""
        record = _SavedRun(self.store, run_id, uuid.uuid4().hex)
        with self.store.writing() as connection:
            run = _run(runs.find_run(connection, run_id), runs.steps_of(connection, run_id))
            runs.claim(connection, run_id, record.owner)
        record.known = len(run.steps)
        return run, record

    def load(self, run_id: str) -> Run:
        """A run as it is. Its `output` is JSON. Raises StoreError if there is none of that id."""
        with self.store.reading() as connection:
            return _run(runs.find_run(connection, run_id), runs.steps_of(connection, run_id))

    def made(self, run_id: str) -> Mapping[str, Any]:
        """What a run was made with. Raises StoreError."""
        with self.store.reading() as connection:
            made: Mapping[str, Any] = runs.find_run(connection, run_id).made_with
            return made

    def newest(self, most: int = 50) -> list[tuple[Run, datetime]]:
        """The newest runs, without their steps, and when each began, in UTC."""
        with self.store.reading() as connection:
            rows = runs.list_runs(connection, most)
        return [(_run(row, ()), row.created_at.replace(tzinfo=UTC)) for row in rows]

    def children(self, run_id: str) -> list[Run]:
        """The runs of its sub-agents, in the order in which they began."""
        with self.store.reading() as connection:
            ids = runs.children_of(connection, run_id)
        return [self.load(id_) for id_ in ids]

    def cancel(self, run_id: str) -> None:
        """Ask for the end of a run, in whatever process it runs. Raises StoreError if it isn't running."""
        with self.store.writing() as connection:
            if not runs.cancel(connection, run_id):
                over = runs.find_run(connection, run_id).stop_reason
                raise StoreError(f"the run {run_id} is over: {over}")


@dataclass(slots=True)
class _SavedRun:
    store: Store
    run_id: str
    owner: str
    known: int = 0  # steps that the database has something of
    cancelled: bool = False
    look_at: float = 0.0  # by time.monotonic

    def intend(self, step: Step) -> None:
        with self.store.writing() as connection:
            runs.change_run(connection, self.run_id, self.owner, {"stop_reason": ""})
            self._put(connection, step)

    def keep(self, run: Run) -> None:
        with self.store.writing() as connection:
            self.cancelled = runs.change_run(connection, self.run_id, self.owner, _columns(run))
            if run.steps:
                self._put(connection, run.steps[-1])
        self.look_at = time.monotonic() + _POLL_SECONDS

    def is_cancelled(self) -> bool:
        if not self.cancelled and time.monotonic() > self.look_at:
            with self.store.reading() as connection:
                self.cancelled = runs.is_cancelled(connection, self.run_id)
            self.look_at = time.monotonic() + _POLL_SECONDS
        return self.cancelled

    def _put(self, connection: Connection, step: Step) -> None:
        is_new = step.number > self.known
        runs.put_step(connection, self.run_id, step.number, asdict(step), is_new=is_new)
        self.known = max(self.known, step.number)


def _columns(run: Run) -> dict[str, Any]:
    return {
        "stop_reason": run.stop_reason or "",
        "note": run.note,
        "output": run.output,
        "seconds": run.seconds,
        "cost": run.cost,
        "tainted": run.tainted,
    }


def _run(row: Any, steps: Any) -> Run:
    read = tuple(_step(data) for data in steps)
    run = Run(row.id, row.task, read, row.output, row.stop_reason or None, seconds=row.seconds)
    usage = Usage()
    for step in read:
        usage = added(usage, step.usage)
    return replace(run, usage=usage, tainted=row.tainted, cost=row.cost, note=row.note, parent=row.parent_id)


def _step(data: Mapping[str, Any]) -> Step:
    parts = {
        "calls": tuple(Call(**call) for call in data["calls"]),
        "observations": tuple(Observation(**observation) for observation in data["observations"]),
        "usage": Usage(**data["usage"]),
    }
    return Step(**{**data, **parts})
