"""Runs as the database would give them, for tests of what reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np

from ragent.store import Store
from ragent.store.evals import add_eval_run, add_outcomes
from ragent_evals.estimates import estimates
from ragent_evals.outcome import Cost, Found, Outcome, Quoted
from ragent_evals.running.kept import KeptRun
from ragent_evals.running.records import case_json, outcome_json
from ragent_evals.sets.case import Case, Passage

WORDS = "The quay was rebuilt in 1974. It holds forty boats."


def kept(values: Mapping[str, Sequence[float | None]], name: str = "first", **changed: Any) -> KeptRun:
    """A finished run of as many cases as there are values, with these values."""
    count = len(next(iter(values.values())))
    known = {metric: [one for one in of if one is not None] for metric, of in values.items()}
    fields: dict[str, Any] = {
        "id": f"{name}-0123456789",
        "name": name,
        "set_name": "harbour",
        "split": "test",
        "version": "v1",
        "corpus": "c1",
        "collection": "default",
        "configuration": {"k": 6, "llm": {"model": "smollm2-135m"}},
        "cases": tuple(case(number) for number in range(count)),
        "outcomes": tuple(outcome(number) for number in range(count)),
        "values": {metric: tuple(of) for metric, of in values.items()},
        "metrics": {
            metric: estimates([metric], np.array(of)[:, None])[metric] for metric, of in known.items() if of
        },
        "total": count,
        "seconds": 12.5,
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "finished_at": datetime(2026, 1, 1, 0, 1, tzinfo=UTC),
    }
    return KeptRun(**fields | changed)


def case(number: int, **changed: Any) -> Case:
    fields: dict[str, Any] = {
        "id": f"case-{number:03}",
        "kind": "answer",
        "question": f"When was quay {number} rebuilt?",
        "answers": ("1974",),
        "passages": (Passage("quays.md", "rebuilt in 1974", 113, 128),),
        "slices": {"source": "even" if number % 2 == 0 else "odd"},
        "split": "test",
    }
    return Case(**fields | changed)


def outcome(number: int, **changed: Any) -> Outcome:
    fields: dict[str, Any] = {
        "case_id": f"case-{number:03}",
        "text": f"In 1974, says answer {number}.",
        "support": 0.1 + 0.8 * (number % 10) / 10,
        "found": (Found("quays.md", 0.9, 100, 100 + len(WORDS), WORDS, page=3),),
        "quotes": (Quoted("quays.md", 130, 151, "It holds forty boats.", True, marker=1, support=0.8),),
        "cost": Cost(1.0 + number % 5, 0.2, 300 + number, 20, 100),
        "trace_id": f"trace-{number}",
    }
    return Outcome(**fields | changed)


def keep(store: Store, run: KeptRun) -> None:
    """Put a run into a database."""
    columns = (
        "id",
        "name",
        "set_name",
        "split",
        "version",
        "corpus",
        "collection",
        "configuration",
        "seconds",
    )
    figures = {
        name: asdict(figure) | {"higher_is_better": name not in run.lower_is_better}
        for name, figure in run.metrics.items()
    }
    times = {"created_at": run.created_at, "finished_at": run.finished_at}
    rows = [
        {
            "run_id": run.id,
            "case_id": one.id,
            "number": at,
            "key": "",
            "case": case_json(one),
            "outcome": outcome_json(run.outcomes[at]),
            "values": {name: said[at] for name, said in run.values.items() if said[at] is not None},
        }
        for at, one in enumerate(run.cases)
    ]
    with store.writing() as connection:
        kept_columns = {name: getattr(run, name) for name in columns}
        add_eval_run(connection, {**kept_columns, **times, "cases": run.total, "metrics": figures})
        add_outcomes(connection, rows)
