"""Memory."""

from __future__ import annotations

from ragent_evals.metrics.measuring import EVERY_KIND, PerSet
from ragent_evals.metrics.metric import MetricContext, SetMetric
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case


def open_memory(_: MetricContext) -> SetMetric:
    """The most bytes of memory that were in use at the end of a case.

    Source: the signal `memory_bytes` of outcomes, where a subject gives it. Cases with an error are left out.
    """
    return PerSet("memory", EVERY_KIND, _bytes, lambda rows: float(rows.max()), higher_is_better=False)


def _bytes(_: Case, outcome: Outcome) -> tuple[float] | None:
    known = "memory_bytes" in outcome.signals and not outcome.error
    return (outcome.signals["memory_bytes"],) if known else None
