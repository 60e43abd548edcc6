"""Reads and writes jobs."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import Connection, Row, delete, insert, select, update

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


def erase_jobs(connection: Connection, uris: Iterable[str]) -> None:
    """Remove the jobs that are over and name one of these documents."""
    names = {_as_json(name) for uri in uris for name in (uri, unquote(urlsplit(uri).path)) if name}
    over = select(JobRow.id, JobRow.asked, JobRow.progress, JobRow.report).where(JobRow.state.not_in(OPEN))
    said = {row.id: _as_json([row.asked, row.progress, row.report]) for row in connection.execute(over)}
    told = [id_ for id_, text in said.items() if any(name.strip('"') in text for name in names)]
    for id_ in told:
        connection.execute(delete(JobRow).where(JobRow.id == id_))


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
