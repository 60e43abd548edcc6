"""Reads and writes jobs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from ragent.store.people_tables import JobRow

OPEN = ("waiting", "running")


def add_job(connection: Connection, values: Mapping[str, Any]) -> None:
    """Keep a new job: its columns."""
    connection.execute(insert(JobRow).values(**values))


def find_job(connection: Connection, id_: str) -> Row[Any] | None:
    """A job's columns, or None."""
    return connection.execute(select(JobRow.__table__).where(JobRow.id == id_)).one_or_none()


def list_jobs(connection: Connection, collections: Collection[str], most: int) -> list[Row[Any]]:
    """The columns of the newest jobs of these collections, newest first."""
    query = select(JobRow.__table__).where(JobRow.collection.in_(collections))
    return list(connection.execute(query.order_by(JobRow.created_at.desc(), JobRow.id).limit(most)))


def open_jobs(connection: Connection) -> list[Row[Any]]:
    """The columns of the jobs that aren't over, the oldest first."""
    query = select(JobRow.__table__).where(JobRow.state.in_(OPEN))
    return list(connection.execute(query.order_by(JobRow.created_at, JobRow.id)))


def claim_job(connection: Connection, id_: str, before: str, worker: str) -> bool:
    """Make a job this worker's to do, unless another took it from `before` meanwhile."""
    mine = (JobRow.id == id_) & (JobRow.worker == before) & JobRow.state.in_(OPEN)
    changed = update(JobRow).where(mine).values(worker=worker, state="running")
    return connection.execute(changed).rowcount == 1


def change_job(connection: Connection, id_: str, values: Mapping[str, Any]) -> bool:
    """Set columns of a job; whether somebody asked for its end."""
    changed = update(JobRow).where(JobRow.id == id_).values(**values).returning(JobRow.cancelled)
    return bool(connection.execute(changed).scalar_one_or_none())


def cancel_job(connection: Connection, id_: str) -> None:
    """Note that a job is to end; one that nobody began yet is over."""
    connection.execute(update(JobRow).where(JobRow.id == id_).values(cancelled=True))
    waiting = (JobRow.id == id_) & (JobRow.state == "waiting")
    connection.execute(update(JobRow).where(waiting).values(state="cancelled"))
