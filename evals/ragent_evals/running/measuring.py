"""What outcomes are worth: values of cases, and figures of the set and of its slices, with intervals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ragent.errors import EvalError
from ragent_evals.estimates import Estimate, Values, interval
from ragent_evals.metrics.measuring import PerSet
from ragent_evals.metrics.metric import Metric, SetMetric
from ragent_evals.outcome import Outcome
from ragent_evals.sets.case import Case

_RESAMPLES = 300
_SEED = 0


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric's figure of a run, and the same of its slices: by the slice's name, then by its value."""

    estimate: Estimate
    higher_is_better: bool
    slices: Mapping[str, Mapping[str, Estimate]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measured:
    """What metrics say: `values` of each case, by metric, None where it has no say; `figures` of the set."""

    values: Mapping[str, Sequence[float | None]]
    figures: Mapping[str, Figure]


def measure(
    metrics: Sequence[Metric | SetMetric], cases: Sequence[Case], outcomes: Sequence[Outcome]
) -> Measured:
    """What the metrics say of outcomes, one a case. One that has no say about any of them is left out.

    Raises:
        EvalError: a metric failed, which its name is told with.
    """
    slices = _slices(cases)
    values: dict[str, Sequence[float | None]] = {}
    figures: dict[str, Figure] = {}
    for metric in metrics:
        try:
            figure = (
                _of_cases(metric, cases, outcomes, slices, values)
                if isinstance(metric, Metric)
                else _of_set(metric, cases, outcomes, slices)
            )
        except Exception as error:
            raise EvalError(f"the metric {metric.name} failed: {type(error).__name__}: {error}") from error
        if figure:
            figures[metric.name] = figure
    return Measured(values, figures)


_Slices = Mapping[str, Mapping[str, Sequence[int]]]


def _slices(cases: Sequence[Case]) -> _Slices:
    """By name and value of a slice, the places of its cases."""
    found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for place, case in enumerate(cases):
        for name, value in case.slices.items():
            found[name][value].append(place)
    return found


def _of_slices(slices: _Slices, estimate: Callable[[Sequence[int]], Estimate | None]) -> _Estimates:
    made = {
        name: {value: found for value, places in by_value.items() if (found := estimate(places))}
        for name, by_value in slices.items()
    }
    return {name: by_value for name, by_value in made.items() if by_value}


_Estimates = Mapping[str, Mapping[str, Estimate]]


def _of_cases(
    metric: Metric,
    cases: Sequence[Case],
    outcomes: Sequence[Outcome],
    slices: _Slices,
    values: dict[str, Sequence[float | None]],
) -> Figure | None:
    said = [None if value is None else float(value) for value in metric.values(cases, outcomes)]
    column: Values = np.array([np.nan if value is None else value for value in said])

    def estimate(places: Sequence[int] | None = None) -> Estimate | None:
        chosen = column if places is None else column[list(places)]
        chosen = chosen[~np.isnan(chosen)]
        if not len(chosen):
            return None
        low, high = interval(chosen[:, None])
        return Estimate(float(chosen.mean()), float(low[0]), float(high[0]))

    whole = estimate()
    if whole is None:
        return None
    values[metric.name] = said
    return Figure(whole, metric.higher_is_better, _of_slices(slices, estimate))


def _of_set(
    metric: SetMetric, cases: Sequence[Case], outcomes: Sequence[Outcome], slices: _Slices
) -> Figure | None:
    """Intervals by the percentile bootstrap over cases (Efron 1979), always from the same seed."""

    def estimate(places: Sequence[int]) -> Estimate | None:
        count, value = _resampled(metric, [cases[at] for at in places], [outcomes[at] for at in places])
        found = value(range(count))
        if found is None:
            return None
        random = np.random.default_rng(_SEED)
        again = [value(random.integers(0, count, count).tolist()) for _ in range(_RESAMPLES)]
        low, high = np.percentile([each for each in again if each is not None] or [found], [2.5, 97.5])
        return Estimate(float(found), float(low), float(high))

    whole = estimate(range(len(cases)))
    return Figure(whole, metric.higher_is_better, _of_slices(slices, estimate)) if whole else None


def _resampled(
    metric: SetMetric, cases: Sequence[Case], outcomes: Sequence[Outcome]
) -> tuple[int, Callable[[Sequence[int]], float | None]]:
    """How many cases a metric speaks of, and its figure of some of them, by their places."""
    if isinstance(metric, PerSet):
        rows = metric.rows(cases, outcomes)
        of = metric.of
        return len(rows), lambda places: of(rows[list(places)]) if len(places) else None
    return len(cases), lambda places: metric.value(
        [cases[at] for at in places], [outcomes[at] for at in places]
    )
