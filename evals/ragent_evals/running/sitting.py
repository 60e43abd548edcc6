"""A process's go at a run: it takes the run up where it was left, and does the cases that are left."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby, islice
from typing import Any

import xxhash

from ragent.errors import EvalError
from ragent.index.files import folder_lock
from ragent.store.evals import (
    add_eval_run,
    cases_done,
    change_eval_run,
    outcomes_by_key,
    unfinished_eval_runs,
)
from ragent.trace import Attributes
from ragent_evals.outcome import Outcome
from ragent_evals.running.configuration import digest
from ragent_evals.running.ledger import Ledger
from ragent_evals.running.records import case_json, inputs_digest, outcome_json
from ragent_evals.running.subjects import Subject, failed
from ragent_evals.running.texts import Ground
from ragent_evals.sets.case import Case, EvalSet, Kind

Tried = tuple[Case, Outcome]
_PROGRESS_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: `done` of `total` cases, `errors` of those done now came to nothing."""

    done: int
    total: int
    errors: int


@dataclass(frozen=True, slots=True)
class Manner:
    """How the cases that are left are done: see `RunOptions`."""

    parallel: int
    cached: bool
    should_stop: Callable[[], bool]
    on_progress: Callable[[Progress], None]


@dataclass(slots=True)
class Sitting:
    """One go at a run. `done` are the ids of its cases that have an outcome, `new` the outcomes made now."""

    ground: Ground
    eval_set: EvalSet
    configuration: Mapping[str, Any]
    id: str
    seconds: float
    done: set[str] = field(default_factory=set)
    new: dict[str, Outcome] = field(default_factory=dict)
    cached: int = 0
    errors: int = 0

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have the run for oneself. Raises EvalError where another process is at it."""
        folder = self.ground.rag.home / "eval"
        try:
            with folder_lock(folder, 0.0, f"{self.id}.lock"):
                with self.ground.rag.store.reading() as connection:
                    self.done = cases_done(connection, self.id)
                yield
                (folder / f"{self.id}.lock").unlink(missing_ok=True)
        except TimeoutError as error:
            raise EvalError(
                f"another process is at the run {self.id[:8]} of {self.eval_set.name}",
                hint="wait for it, or begin another run with --fresh",
            ) from error

    def work(self, subjects: Mapping[Kind, Subject], manner: Manner) -> None:
        """Do the cases that are left, each of them kept as soon as it is done."""
        cases = [case for case in self.eval_set.cases if case.id not in self.done]
        numbers = {case.id: number for number, case in enumerate(self.eval_set.cases)}
        context = digest(self.configuration) + self.ground.corpus
        keys = {case.id: _key(context, case) for case in cases}
        known = self._known(list(keys.values())) if manner.cached else {}
        with Ledger(self.ground.rag.store, self.id, self.seconds) as ledger:

            def keep(case: Case, outcome: Mapping[str, Any]) -> None:
                key = "" if outcome.get("error") else keys[case.id]
                row = {"run_id": self.id, "case_id": case.id, "number": numbers[case.id], "key": key}
                ledger.put({**row, "case": case_json(case), "outcome": outcome, "values": {}})
                self.done.add(case.id)

            for case in cases:
                if keys[case.id] in known:
                    keep(case, {**known[keys[case.id]], "case_id": case.id})
                    self.cached += 1
            told = 0.0
            left = [case for case in cases if case.id not in self.done]
            for tried in self._tried(left, subjects, manner):
                for case, outcome in tried:
                    keep(case, outcome_json(outcome))
                    self.new[case.id] = outcome
                    self.errors += bool(outcome.error)
                if (now := time.monotonic()) - told > _PROGRESS_SECONDS:
                    told = now
                    manner.on_progress(self._progress)
        self.seconds = ledger.seconds
        manner.on_progress(self._progress)

    @property
    def _progress(self) -> Progress:
        return Progress(len(self.done), len(self.eval_set.cases), self.errors)

    def _known(self, keys: Sequence[str]) -> dict[str, Any]:
        with self.ground.rag.store.reading() as connection:
            return outcomes_by_key(connection, keys)

    def _tried(
        self, cases: Sequence[Case], subjects: Mapping[Kind, Subject], manner: Manner
    ) -> Iterator[list[Tried]]:
        batches = _batches(cases, subjects)
        if manner.parallel == 1:
            for batch in batches:
                if manner.should_stop():
                    return
                yield self._try(subjects[batch[0].kind], batch)
            return
        with ThreadPoolExecutor(manner.parallel, thread_name_prefix="ragent-case") as pool:
            waiting: set[Future[list[Tried]]] = set()
            while True:
                if not manner.should_stop():
                    waiting.update(
                        pool.submit(self._try, subjects[batch[0].kind], batch)
                        for batch in islice(batches, manner.parallel - len(waiting))
                    )
                if not waiting:
                    return
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for each in done:
                    yield each.result()

    def _try(self, subject: Subject, cases: Sequence[Case]) -> list[Tried]:
        """What came of cases, noted as one trace. If one fails among others, each is tried by itself."""
        about: Attributes = {
            "ragent.eval.run": self.id,
            "ragent.eval.case": cases[0].id,
            "ragent.eval.cases": len(cases),
        }
        trace_id = ""
        try:
            with self.ground.rag.tracer.span("case", "case", about) as told:
                trace_id = told.trace_id
                outcomes = subject.run(cases)
        except Exception as error:  # whatever it is, the other cases go on
            if len(cases) > 1:
                return [tried for case in cases for tried in self._try(subject, [case])]
            outcomes = [failed(cases[0], error)]
        return [
            (case, replace(outcome, case_id=case.id, trace_id=trace_id))
            for case, outcome in zip(cases, outcomes, strict=True)
        ]


def sit_down(
    ground: Ground,
    eval_set: EvalSet,
    about: Mapping[str, Any],
    run: Mapping[str, str],
    *,
    fresh: bool,
) -> Sitting:
    """Take up the unfinished run of these cases and texts under this configuration; begin one if none is.

    Args:
        ground: what it is run on.
        eval_set: the cases.
        about: the configuration: all that decides what comes of them.
        run: the name and the split of a new run; the name of one that is taken up is changed to it.
        fresh: begin one in any case.
    """
    with ground.rag.store.writing() as connection:
        unfinished = unfinished_eval_runs(connection, eval_set.version, ground.corpus)
        same = [row for row in unfinished if row.configuration == about and row.cases == len(eval_set.cases)]
        if same and not fresh:
            change_eval_run(connection, same[0].id, {"name": run["name"]})
            return Sitting(ground, eval_set, about, same[0].id, same[0].seconds)
        run_id = uuid.uuid4().hex
        values = {
            "id": run_id,
            **run,
            "set_name": eval_set.name,
            "version": eval_set.version,
            "corpus": ground.corpus,
            "collection": ground.rag.settings.collection,
            "configuration": about,
            "cases": len(eval_set.cases),
            "metrics": {},
            "seconds": 0.0,
            "created_at": datetime.now(UTC),
        }
        add_eval_run(connection, values)
        return Sitting(ground, eval_set, about, run_id, 0.0)


def _key(context: str, case: Case) -> str:
    return xxhash.xxh3_128_hexdigest(f"{context}{inputs_digest(case)}".encode())


def _batches(cases: Sequence[Case], subjects: Mapping[Kind, Subject]) -> Iterator[list[Case]]:
    """The cases in order, as many together as their subject takes, of one kind each."""
    for kind, some in groupby(cases, key=lambda case: case.kind):
        while batch := list(islice(some, subjects[kind].at_once)):
            yield batch
