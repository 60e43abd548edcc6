"""Jobs: ingestion that goes on by itself, one at a time, and again after a crash.

What a job did is in the store batch by batch, so one that is begun anew skips what was done.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from ragent.errors import NotThere, RagentError
from ragent.ingest import Progress
from ragent.rag import Rag
from ragent.service.processes import identify
from ragent.store import Store, jobs
from ragent.types import IngestReport

_LOG = logging.getLogger(__name__)
_NOTE_SECONDS = 0.5
_POLL_SECONDS = 1.0

Kind = Literal["ingest", "sync"]


@dataclass(frozen=True, slots=True)
class Job:
    """Something that goes on by itself.

    `state` is "waiting", "running", "done", "failed" or "cancelled"; `progress` has "done", "total", "chunks"
    and "uri"; `report` is what `ingest` says, or {"error": ...}.
    """

    id: str
    owner: str
    collection: str
    kind: Kind
    state: str
    asked: Mapping[str, Any]
    progress: Mapping[str, Any]
    report: Mapping[str, Any]
    created_at: datetime
    finished_at: datetime | None

    @property
    def is_over(self) -> bool:
        return self.state not in jobs.OPEN


class Jobs:
    """Does the jobs of a home in one thread of this process. Any process may add or cancel some."""

    def __init__(self, store: Store, open_rag: Callable[[str], Rag]) -> None:
        self._store = store
        self._open_rag = open_rag
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._worker = identify(os.getpid())

    def start(self) -> None:
        """Begin to work, with what a process that died left behind first."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="ragent-jobs", daemon=True)
            self._thread.start()

    def stop(self, seconds: float = 30.0) -> None:
        """Commit what was taken, and end; the job goes on when a process next starts."""
        self._ending.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(seconds)

    def add(self, owner: str, collection: str, kind: Kind, asked: Mapping[str, Any]) -> Job:
        """Have something done."""
        id_ = uuid.uuid4().hex
        values = {"id": id_, "owner": owner, "collection": collection, "kind": kind, "asked": dict(asked)}
        empty: dict[str, Any] = {"state": "waiting", "progress": {}, "report": {}, "worker": ""}
        with self._store.writing() as connection:
            jobs.add_job(connection, values | empty)
        self._wake.set()
        return self.get(id_)

    def get(self, id_: str) -> Job:
        """A job. Raises NotThere."""
        with self._store.reading() as connection:
            row = jobs.find_job(connection, id_)
        if row is None:
            raise NotThere(f"there is no job {id_!r}")
        return _job(row)

    def of(self, collections: Sequence[str], most: int = 50) -> list[Job]:
        """The newest jobs of these collections."""
        with self._store.reading() as connection:
            return [_job(row) for row in jobs.list_jobs(connection, collections, most)]

    def open_count(self) -> int:
        """How many wait or run, of all collections."""
        with self._store.reading() as connection:
            return len(jobs.open_jobs(connection))

    def cancel(self, id_: str) -> None:
        """Have a job end after the batch it is at."""
        with self._store.writing() as connection:
            jobs.cancel_job(connection, id_)
        self._wake.set()

    # -- the thread -------------------------------------------------------------------------------------

    def _work(self) -> None:
        while not self._ending.is_set():
            try:
                job = self._take()
                if job is not None:
                    self._do(job)
                    continue
            except Exception:
                _LOG.exception("jobs")
            self._wake.wait(_POLL_SECONDS)
            self._wake.clear()

    def _take(self) -> Job | None:
        with self._store.reading() as connection:
            rows = jobs.open_jobs(connection)
        for row in rows:
            if row.worker and row.worker != self._worker and _is_alive(row.worker):
                continue
            with self._store.writing() as connection:
                if jobs.claim_job(connection, row.id, row.worker, self._worker):
                    return _job(row)
        return None

    def _do(self, job: Job) -> None:
        note = _Note(self._store, job.id)
        try:
            report = self._run(job, note)
        except RagentError as error:
            note.end("failed", {"error": error.message, "hint": error.hint, "type": type(error).__name__})
        except Exception as error:
            _LOG.exception("job %s", job.id)
            note.end("failed", {"error": f"{type(error).__name__}: {error}", "hint": "", "type": ""})
        else:
            if self._ending.is_set() and not note.cancelled:
                return
            note.end("cancelled" if note.cancelled else "done", asdict(report))

    def _run(self, job: Job, note: _Note) -> IngestReport:
        rag = self._open_rag(job.collection)
        asked = job.asked

        def should_stop() -> bool:
            return note.cancelled or self._ending.is_set()

        if job.kind == "sync":
            delete, dry_run = bool(asked.get("delete")), bool(asked.get("dry_run"))
            return rag.sync(
                delete=delete, dry_run=dry_run, on_progress=note.progress, should_stop=should_stop
            )
        names, force = list(asked["names"]), bool(asked.get("force"))
        return rag.ingest(*names, force=force, on_progress=note.progress, should_stop=should_stop)


class _Note:
    """Writes how far a job is, now and then, and learns there whether it is to end."""

    def __init__(self, store: Store, id_: str) -> None:
        self._store = store
        self._id = id_
        self._then = 0.0
        self.cancelled = False

    def progress(self, now: Progress) -> None:
        if time.monotonic() - self._then < _NOTE_SECONDS and now.done < now.total:
            return
        self._write({"progress": asdict(now)})
        self._then = time.monotonic()

    def end(self, state: str, report: Mapping[str, Any]) -> None:
        self._write({"state": state, "report": dict(report), "finished_at": datetime.now(UTC)})

    def _write(self, values: Mapping[str, Any]) -> None:
        with self._store.writing() as connection:
            self.cancelled = jobs.change_job(connection, self._id, values) or self.cancelled


def _is_alive(worker: str) -> bool:
    return worker == identify(int(worker.partition(":")[0]))


def _job(row: Any) -> Job:
    return Job(
        row.id,
        row.owner,
        row.collection,
        row.kind,
        row.state,
        row.asked,
        row.progress,
        row.report,
        row.created_at.replace(tzinfo=UTC),
        row.finished_at and row.finished_at.replace(tzinfo=UTC),
    )
