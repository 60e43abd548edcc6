"""Keeps the outcomes of a run as they come, off the way of whoever makes them.

A thread writes what is there in one transaction, and meanwhile the next outcomes gather: one that took a
second is in the database some milliseconds later, and thousands a second share their transactions.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Self

from ragent.store import Store
from ragent.store.evals import add_outcomes, change_eval_run

Row = Mapping[str, Any]


class Ledger:
    """Writes outcomes of one run. Any thread may call `put`; leaving it waits until all is written."""

    def __init__(self, store: Store, run_id: str, seconds: float) -> None:
        """`seconds`: what the run took before."""
        self._store = store
        self._run_id = run_id
        self._before = seconds
        self._began = time.perf_counter()
        self._queue: SimpleQueue[Row | None] = SimpleQueue()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._write_all, name="ragent-eval", daemon=True)

    @property
    def seconds(self) -> float:
        """What the run took until now."""
        return self._before + time.perf_counter() - self._began

    def put(self, row: Row) -> None:
        """Have a row written. Raises what an earlier one couldn't be written for."""
        if self._error:
            raise self._error
        self._queue.put(row)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.put(None)
        self._thread.join()
        if self._error and error is None:
            raise self._error

    def _write_all(self) -> None:
        try:
            while rows := self._gathered():
                with self._store.writing() as connection:
                    add_outcomes(connection, rows)
                    change_eval_run(connection, self._run_id, {"seconds": self.seconds})
        except Exception as error:  # told to whoever puts the next
            self._error = error

    def _gathered(self) -> list[Row]:
        """All rows that wait, at least one; none at the end."""
        rows: list[Row] = []
        row = self._queue.get()
        while row is not None:
            rows.append(row)
            try:
                row = self._queue.get_nowait()
            except Empty:
                return rows
        if rows:
            self._queue.put(None)  # for the next time
        return rows
