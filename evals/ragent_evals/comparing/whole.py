"""Compares figures that only a whole set has: an area under a curve, or a calibration error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from ragent.errors import ConfigError
from ragent_evals.comparing.comparison import Difference
from ragent_evals.comparing.significance import swap_p
from ragent_evals.metrics.measuring import PerSet
from ragent_evals.metrics.metric import Metric, MetricContext, SetMetric
from ragent_evals.metrics.opening import open_metrics
from ragent_evals.outcome import Outcome
from ragent_evals.running.kept import KeptRun

_RESAMPLES = 1_000
_SEED = 0

Places = NDArray[np.intp]
Figure = Callable[[Places, Places], float | None]
"""Of the cases at some places, each as the run of that number (0 or 1) did it: both of shape (cases,)."""


def whole_difference(a: KeptRun, b: KeptRun, metric: SetMetric) -> Difference | None:
    """The difference of a figure of a whole set; None where one of the runs hasn't any.

    Cases are resampled for the interval, and swapped between the runs for p. Both runs hold the same cases in
    the same order.
    """
    figure = _figure(metric, a, b)
    everyone = np.arange(len(a.cases))
    zeros, ones = np.zeros_like(everyone), np.ones_like(everyone)
    before, after = figure(zeros, everyone), figure(ones, everyone)
    if before is None or after is None:
        return None
    random = np.random.default_rng(_SEED)
    samples = (random.integers(0, len(everyone), len(everyone)) for _ in range(_RESAMPLES))
    drawn = [_less(figure(ones, some), figure(zeros, some)) for some in samples]
    low, high = np.percentile([one for one in drawn if one is not None] or [after - before], [2.5, 97.5])
    p = swap_p(
        lambda swapped: _less(figure(ones - swapped, everyone), figure(zeros + swapped, everyone)),
        len(everyone),
        after - before,
    )
    return Difference(
        metric=metric.name,
        slice="",
        cases=len(everyone),
        before=before,
        after=after,
        difference=after - before,
        low=float(low),
        high=float(high),
        p=p,
        corrected_p=p,
        higher_is_better=metric.higher_is_better,
        won=0,
        lost=0,
    )


def shared_set_metrics(runs: Sequence[KeptRun], context: MetricContext) -> list[SetMetric]:
    """The metrics of whole sets of which all of these runs have a figure, if they are still installed."""
    first, *others = runs
    found: list[SetMetric] = []
    for name in first.metrics:
        if name in first.values or not all(name in run.metrics for run in others):
            continue
        with suppress(ConfigError):
            found += [one for one in open_metrics([name], context) if not isinstance(one, Metric)]
    return found


def _figure(metric: SetMetric, a: KeptRun, b: KeptRun) -> Figure:
    if isinstance(metric, PerSet):
        return _figure_of_rows(metric, a, b)
    outcomes: Sequence[Sequence[Outcome]] = (a.outcomes, b.outcomes)

    def figure(which: Places, places: Places) -> float | None:
        chosen = [outcomes[run][place] for run, place in zip(which, places, strict=True)]
        return metric.value([a.cases[place] for place in places], chosen)

    return figure


def _figure_of_rows(metric: PerSet, a: KeptRun, b: KeptRun) -> Figure:
    """The same for a metric that needs a few numbers of each case: they are computed once."""
    rows = [
        [
            metric.row(case, outcome) if case.kind in metric.kinds else None
            for case, outcome in zip(run.cases, run.outcomes, strict=True)
        ]
        for run in (a, b)
    ]
    width = max((len(row) for of_run in rows for row in of_run if row), default=0)
    known = np.array([[row is not None for row in of_run] for of_run in rows])
    numbers = np.array([[row or (0.0,) * width for row in of_run] for of_run in rows], dtype=np.float64)

    def figure(which: Places, places: Places) -> float | None:
        chosen = numbers[which, places][known[which, places]]
        return metric.of(chosen) if len(chosen) else None

    return figure


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other
