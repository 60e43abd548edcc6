"""What a report says: every number of its page and of its Markdown is one of these."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Any

import numpy as np

from ragent.errors import EvalError
from ragent_evals.comparing import Comparison, Difference, compare
from ragent_evals.comparing.pairs import slices_of
from ragent_evals.estimates import interval
from ragent_evals.metrics.abstention.certainty import Bin, RiskPoint, reliability, risk_coverage
from ragent_evals.metrics.metric import SetMetric
from ragent_evals.reporting.worst import WorstCase, worst_cases
from ragent_evals.running.kept import KeptRun

_DIGITS = 4
_POINTS = 200
_COSTS = ("seconds", "first_token_seconds", "prompt_tokens", "completion_tokens", "reused_tokens")


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric's figure over all cases, or over those of a slice ("" for all), with its 95 % interval.

    `cases` is how many the metric has a say about; None where only the whole set has a figure.
    """

    metric: str
    slice: str
    value: float
    low: float
    high: float
    cases: int | None
    higher_is_better: bool


@dataclass(frozen=True, slots=True)
class CostFigure:
    """What cases cost: the median, the 90th and 99th percentile, the largest, and all together."""

    name: str
    median: float
    p90: float
    p99: float
    largest: float
    total: float


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What there is to say of a run. `main` is the metric by which its worst cases are told."""

    id: str
    title: str
    set_name: str
    split: str
    version: str
    corpus: str
    collection: str
    configuration: Mapping[str, Any]
    cases: int
    total: int
    failed: int
    abstained: int
    seconds: float
    created_at: datetime | None
    main: str
    metrics: tuple[Figure, ...]
    slices: tuple[Figure, ...]
    costs: tuple[CostFigure, ...]
    risk_coverage: tuple[RiskPoint, ...]
    reliability: tuple[Bin, ...]
    worst: tuple[WorstCase, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Runs, and each but the first beside the first where they can be compared.

    `incomparable` says why where they can't be.
    """

    runs: tuple[RunFacts, ...]
    comparisons: tuple[Comparison, ...]
    incomparable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a report is to show.

    Attributes:
        metric: the one that worst cases and plots of slices are of; "" for a run's first.
        worst: how many of the worst cases.
        set_metrics: those whose differences are to be tested, too.
    """

    metric: str = ""
    worst: int = 20
    set_metrics: Sequence[SetMetric] = ()


def gather(runs: Sequence[KeptRun], wanted: Wanted | None = None) -> Report:
    """All there is to say of these runs.

    Raises:
        EvalError: a run has no case that is done, or not the metric that is wanted.
    """
    wanted = wanted or Wanted()
    first, *others = runs
    comparisons, refusals = [], []
    for other in others:
        try:
            comparisons.append(compare(first, other, wanted.set_metrics))
        except EvalError as refusal:
            refusals.append(refusal.message)
    return Report(tuple(_facts(run, wanted) for run in runs), tuple(comparisons), tuple(refusals))


def as_json(told: Report | Comparison) -> Any:
    """As JSON values, numbers to 4 digits after the point: what the page and Markdown show."""
    return _plain(told)


def _facts(run: KeptRun, wanted: Wanted) -> RunFacts:
    if not run.cases:
        raise EvalError(f"the run {run.title} has no case that is done", hint="run it again: it goes on")
    main = wanted.metric or next((name for name in run.metrics if name in run.values), "")
    if wanted.metric and wanted.metric not in run.values:
        raise EvalError(
            f"the run {run.title} has no metric {wanted.metric!r} of single cases",
            hint=f"it has: {', '.join(run.values) or 'none'}",
        )
    return RunFacts(
        id=run.id,
        title=run.title,
        set_name=run.set_name,
        split=run.split,
        version=run.version,
        corpus=run.corpus,
        collection=run.collection,
        configuration=run.configuration,
        cases=len(run.cases),
        total=run.total,
        failed=sum(bool(outcome.error) for outcome in run.outcomes),
        abstained=sum(outcome.abstained for outcome in run.outcomes),
        seconds=run.seconds,
        created_at=run.created_at,
        main=main,
        metrics=tuple(_overall(run, name) for name in run.metrics),
        slices=tuple(
            figure
            for label, places in slices_of(run.cases).items()
            for name in run.values
            if (figure := _figure(run, name, label, places))
        ),
        costs=_costs(run),
        risk_coverage=_thinned(risk_coverage(run.cases, run.outcomes)),
        reliability=reliability(run.cases, run.outcomes),
        worst=worst_cases(run, main, wanted.worst),
    )


def _overall(run: KeptRun, name: str) -> Figure:
    kept, higher = run.metrics[name], name not in run.lower_is_better
    said = [value for value in run.values.get(name, ()) if value is not None]
    return Figure(name, "", kept.value, kept.low, kept.high, len(said) or None, higher)


def _figure(run: KeptRun, name: str, label: str, places: Sequence[int]) -> Figure | None:
    said = [value for at in places if (value := run.values[name][at]) is not None]
    if not said:
        return None
    values = np.array(said)
    low, high = interval(values[:, None])
    higher = name not in run.lower_is_better
    return Figure(name, label, float(values.mean()), float(low[0]), float(high[0]), len(said), higher)


def _costs(run: KeptRun) -> tuple[CostFigure, ...]:
    figures = []
    for name in _COSTS:
        said = [value for one in run.outcomes if (value := getattr(one.cost, name)) is not None]
        if any(said):
            median, p90, p99 = (float(one) for one in np.percentile(said, [50, 90, 99]))
            figures.append(CostFigure(name, median, p90, p99, float(max(said)), float(sum(said))))
    return tuple(figures)


def _thinned(points: Sequence[RiskPoint]) -> tuple[RiskPoint, ...]:
    """A curve that a picture needs no more points of; its ends stay."""
    if len(points) <= _POINTS:
        return tuple(points)
    return tuple(points[at] for at in np.linspace(0, len(points) - 1, _POINTS).astype(int))


def _plain(value: Any) -> Any:
    if isinstance(value, Difference):
        return _members(value) | {"verdict": value.verdict}
    if is_dataclass(value):
        return _members(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return round(value, _DIGITS) if math.isfinite(value) else None
    return value.isoformat(" ", "seconds") if isinstance(value, datetime) else value


def _members(value: Any) -> dict[str, Any]:
    return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
