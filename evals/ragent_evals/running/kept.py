"""A run as the database keeps it, whole: what comparisons and reports read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ragent_evals.estimates import Estimate
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case

Values = tuple[float | None, ...]
"""What a metric says of each case of a run, in the run's order; None where it has no say."""


@dataclass(frozen=True, slots=True)
class KeptRun:
    """A set that was run under one configuration, and what came of it.

    Attributes:
        id: no other run has it.
        name: what its user called it, or what it was called for them.
        set_name: the set's name.
        split: the part of the set that was run; "" if it has none.
        version: the digest of the cases: only runs of the same cases can be compared.
        corpus: the digest of the texts that they were asked of.
        collection: the collection they were asked of.
        configuration: the settings that decide what comes of a case.
        cases: those that are done, in the set's order.
        outcomes: one for each of the cases.
        values: by metric, one for each of the cases.
        metrics: the figures of the whole run, by metric; also those that only a whole set has.
        lower_is_better: the metrics whose low figures are the good ones.
        total: how many cases there are to do: more than `cases` where the run isn't finished.
        seconds: what the run took.
        created_at: when it began.
        finished_at: when its last case was done; None before that.
    """

    id: str
    name: str
    set_name: str
    split: str
    version: str
    corpus: str
    collection: str
    configuration: Mapping[str, Any]
    cases: tuple[Case, ...]
    outcomes: tuple[Outcome, ...]
    values: Mapping[str, Values]
    metrics: Mapping[str, Estimate]
    lower_is_better: frozenset[str] = field(default_factory=frozenset)
    total: int = 0
    seconds: float = 0.0
    created_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def title(self) -> str:
        """How people are told which run it is: its name, and the beginning of its id."""
        return f"{self.name} ({self.id[:8]})" if self.name else self.id[:8]
