"""Reads and writes the runs of agents. A run is written by its owner alone: who began or resumed it last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from ragent.errors import StoreError
from ragent.store.tables import RunRow, StepRow


def add_run(connection: Connection, values: Mapping[str, Any]) -> None:
    """Keep a new run: its columns."""
    connection.execute(insert(RunRow).values(**values))


def change_run(connection: Connection, run_id: str, owner: str, values: Mapping[str, Any]) -> bool:
    """Set columns of a run. Whether somebody noted that it is to end.

    Raises:
        StoreError: another process resumed it, or it was deleted.
    """
    mine = (RunRow.id == run_id) & (RunRow.owner == owner)
    changed = update(RunRow).where(mine).values(**values).returning(RunRow.cancelled)
    cancelled = connection.execute(changed).scalar_one_or_none()
    if cancelled is None:
        raise StoreError(
            f"the run {run_id} is no longer this process's to go on with",
            hint="it was resumed elsewhere, or deleted: see ragent agent list",
        )
    return cancelled


def put_step(connection: Connection, run_id: str, number: int, data: Any, *, is_new: bool) -> None:
    """Keep a step, over what was kept of it unless it is new."""
    if not is_new:
        connection.execute(delete(StepRow).where((StepRow.run_id == run_id) & (StepRow.number == number)))
    connection.execute(insert(StepRow).values(run_id=run_id, number=number, data=data))


def claim(connection: Connection, run_id: str, owner: str) -> None:
    """Make a run its resumer's, and forget that it was cancelled."""
    connection.execute(update(RunRow).where(RunRow.id == run_id).values(owner=owner, cancelled=False))


def cancel(connection: Connection, run_id: str) -> bool:
    """Note that a run and its sub-agents' are to end. Whether there is one of that id that isn't over."""
    alive = (RunRow.id == run_id) & (RunRow.stop_reason == "")
    if connection.execute(update(RunRow).where(alive).values(cancelled=True)).rowcount != 1:
        return False
    connection.execute(update(RunRow).where(RunRow.parent_id == run_id).values(cancelled=True))
    return True


def is_cancelled(connection: Connection, run_id: str) -> bool:
    """Whether somebody noted so."""
    return bool(connection.scalar(select(RunRow.cancelled).where(RunRow.id == run_id)))


def find_run(connection: Connection, run_id: str) -> Row[Any]:
    """A run's columns. Raises StoreError if there is none of that id."""
    row = connection.execute(select(RunRow.__table__).where(RunRow.id == run_id)).one_or_none()
    if row is None:
        raise StoreError(f"there is no run {run_id!r}", hint="ragent agent list shows them")
    return row


def steps_of(connection: Connection, run_id: str) -> list[Any]:
    """The data of a run's steps, in order."""
    query = select(StepRow.data).where(StepRow.run_id == run_id).order_by(StepRow.number)
    return list(connection.scalars(query))


def list_runs(connection: Connection, most: int) -> list[Row[Any]]:
    """The columns of the newest runs, newest first."""
    query = select(RunRow.__table__).order_by(RunRow.created_at.desc(), RunRow.id).limit(most)
    return list(connection.execute(query))


def children_of(connection: Connection, run_id: str) -> list[str]:
    """The ids of its sub-agents' runs, in the order in which they began."""
    query = select(RunRow.id).where(RunRow.parent_id == run_id).order_by(RunRow.created_at, RunRow.id)
    return list(connection.scalars(query))


def drop_tainted_runs(connection: Connection) -> None:
    """Delete every run that read what others wrote: any of its words may retell a document."""
    connection.execute(delete(RunRow).where(RunRow.tainted))
