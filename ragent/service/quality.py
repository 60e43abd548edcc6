"""How well it works: the runs of eval sets and the traces, for whoever may see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ragent.errors import NotAllowed, NotThere, StoreError
from ragent.service.access import require_role
from ragent.store import Trace, TraceStore, TraceSummary, Wanted
from ragent.store.evals import find_eval_run, list_eval_runs

if TYPE_CHECKING:
    from sqlalchemy import Row

    from ragent.service.session import Session

_SHORT = 8


@dataclass(frozen=True, slots=True)
class EvalRun:
    """A run of an eval set, without its cases.

    Attributes:
        id: no other run has it.
        name: what it is called.
        set_name: the set's name, and its split, if any.
        of: names the cases and texts: only runs of the same can be compared.
        collection: whose documents were asked.
        cases: how many there are to do.
        metrics: value, low and high by metric; empty until all are done.
        seconds: what it took.
        created_at: when it began.
        is_finished: whether all cases are done.
    """

    id: str
    name: str
    set_name: str
    of: str
    collection: str
    cases: int
    metrics: Mapping[str, Mapping[str, Any]]
    seconds: float
    created_at: datetime
    is_finished: bool

    @property
    def title(self) -> str:
        """Which run it is, in a few words."""
        return f"{self.name} ({self.id[:_SHORT]})" if self.name else self.id[:_SHORT]


@dataclass(frozen=True, slots=True)
class Quality:
    """What somebody may see of how well it works."""

    session: Session

    def eval_runs(self, most: int = 200) -> list[EvalRun]:
        """The newest runs over collections that they may read, newest first."""
        with self.session.service.store.reading() as connection:
            rows = list_eval_runs(connection, most)
        may_read: dict[str, bool] = {}
        for row in rows:
            if row.collection not in may_read:
                may_read[row.collection] = self.session.role_in(row.collection) is not None
        return [_run(row) for row in rows if may_read[row.collection]]

    def eval_run(self, run_id: str) -> EvalRun:
        """One of them; whoever reads its cases asks here first. Raises NotThere."""
        try:
            with self.session.service.store.reading() as connection:
                row = find_eval_run(connection, run_id)
        except StoreError:
            row = None
        if row is None or self.session.role_in(row.collection) is None:
            raise NotThere(f"there is no run {run_id!r}")
        return _run(row)

    def traces(self, wanted: Wanted) -> list[TraceSummary]:
        """The newest traces, newest first. Raises NotAllowed: they are of everybody, an admin's to see."""
        return self._traces().last(wanted)[::-1]

    def trace(self, trace_id: str) -> list[Trace]:
        """One as a tree, or several of one agent's run. Raises NotAllowed, StoreError."""
        return self._traces().find(trace_id)

    def _traces(self) -> TraceStore:
        require_role(self.session.caller.role, "admin")
        if self.session.caller.collections is not None:
            raise NotAllowed("a key for some collections doesn't see traces")
        return TraceStore(self.session.service.store)


def _run(row: Row[Any]) -> EvalRun:
    return EvalRun(
        row.id,
        row.name,
        f"{row.set_name} ({row.split})" if row.split else row.set_name,
        "/".join((row.version, row.split, row.corpus)),
        row.collection,
        row.cases,
        row.metrics,
        row.seconds,
        row.created_at.replace(tzinfo=UTC),
        row.finished_at is not None,
    )
