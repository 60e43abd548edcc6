"""Compares two runs case by case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import compress
from typing import Any

import numpy as np

from ragent.errors import EvalError
from ragent_evals.comparing.comparison import Changed, Comparison, Difference
from ragent_evals.comparing.costs import COST_METRICS, cost_ratios
from ragent_evals.comparing.significance import holm, permutation_p
from ragent_evals.comparing.whole import whole_difference
from ragent_evals.estimates import interval
from ragent_evals.metrics.metric import SetMetric
from ragent_evals.running.kept import KeptRun
from ragent_evals.sets.case import Case


def compare(a: KeptRun, b: KeptRun, set_metrics: Sequence[SetMetric] = ()) -> Comparison:
    """What is better and what is worse in `b` than in `a`, beyond chance.

    Each case is compared with itself. Intervals are percentiles of the paired bootstrap (Efron 1979), p comes
    from a permutation test, and both are the same every time.

    Args:
        a: the run to compare with.
        b: the other.
        set_metrics: figures that only a whole set has are compared where their metric is given.

    Raises:
        EvalError: the runs are of different cases, texts or splits, or one of them isn't finished.
    """
    check_comparable(a, b)
    b = _ordered_as(b, a)
    shared = [name for name in a.values if name in b.values]
    overall = [one for name in shared if (one := _difference(a, b, name, "", range(len(a.cases))))]
    whole = [one for metric in set_metrics if (one := whole_difference(a, b, metric))]
    sliced = [
        one
        for label, places in slices_of(a.cases).items()
        for name in shared
        if name not in COST_METRICS and (one := _difference(a, b, name, label, places))
    ]
    every = [*overall, *whole]
    metrics = (
        *_corrected([one for one in every if one.metric not in COST_METRICS]),
        *_corrected([one for one in every if one.metric in COST_METRICS]),
    )
    compared = {one.metric for one in metrics}
    known = {*a.values, *b.values, *a.metrics, *b.metrics}
    return Comparison(
        a=a.title,
        b=b.title,
        a_id=a.id,
        b_id=b.id,
        set_name=a.set_name,
        split=a.split,
        cases=len(a.cases),
        metrics=metrics,
        slices=_corrected(sliced),
        changed=tuple(
            change for name in shared if name not in COST_METRICS for change in _changed(a, b, name)
        ),
        costs=cost_ratios(a.outcomes, b.outcomes),
        configuration=dict(_settings_that_differ(a.configuration, b.configuration)),
        left_out=tuple(sorted(known - compared)),
    )


def check_comparable(a: KeptRun, b: KeptRun) -> None:
    """Raises EvalError unless both runs did the same cases over the same texts, to the end."""
    for run in (a, b):
        if run.finished_at is None:
            raise EvalError(
                f"the run {run.title} isn't finished: {len(run.cases)} of {run.total} cases are done",
                hint="run the same command again: it goes on where it ended",
            )
    for what, of_a, of_b in (
        ("the cases of their sets", a.version, b.version),
        ("the texts that they were asked of", a.corpus, b.corpus),
        ("their splits", a.split, b.split),
    ):
        if of_a != of_b:
            raise EvalError(
                f"{a.title} and {b.title} can't be compared: {what} differ ({of_a or '-'} and {of_b or '-'})",
                hint="run both configurations on the same set, split and documents: ragent eval run",
            )
    if {case.id for case in a.cases} != {case.id for case in b.cases}:
        raise EvalError(
            f"{a.title} and {b.title} can't be compared: they did {len(a.cases)} and {len(b.cases)} cases, "
            "not the same ones",
            hint="run both with the same limit",
        )


def slices_of(cases: Sequence[Case]) -> dict[str, list[int]]:
    """The places of the cases of each slice, by "name=value", sorted; a value that all cases have is none."""
    places: dict[str, list[int]] = {}
    for place, case in enumerate(cases):
        for name, value in case.slices.items():
            places.setdefault(f"{name}={value}", []).append(place)
    return {label: places[label] for label in sorted(places) if len(places[label]) < len(cases)}


def _ordered_as(run: KeptRun, other: KeptRun) -> KeptRun:
    """The run, its cases in the other's order."""
    place = {case.id: at for at, case in enumerate(run.cases)}
    order = [place[case.id] for case in other.cases]
    return replace(
        run,
        cases=tuple(run.cases[at] for at in order),
        outcomes=tuple(run.outcomes[at] for at in order),
        values={name: tuple(values[at] for at in order) for name, values in run.values.items()},
    )


def _difference(a: KeptRun, b: KeptRun, name: str, label: str, places: Sequence[int]) -> Difference | None:
    pairs = [(a.values[name][at], b.values[name][at]) for at in places]
    both = np.array([pair for pair in pairs if None not in pair], dtype=np.float64)
    if not len(both):
        return None
    differences = both[:, 1] - both[:, 0]
    low, high = interval(differences[:, None])
    higher = name not in a.lower_is_better
    gains = differences if higher else -differences
    p = permutation_p(differences)
    return Difference(
        metric=name,
        slice=label,
        cases=len(both),
        before=float(both[:, 0].mean()),
        after=float(both[:, 1].mean()),
        difference=float(differences.mean()),
        low=float(low[0]),
        high=float(high[0]),
        p=p,
        corrected_p=p,
        higher_is_better=higher,
        won=int((gains > 0).sum()),
        lost=int((gains < 0).sum()),
    )


def _corrected(differences: Sequence[Difference]) -> tuple[Difference, ...]:
    corrected = holm([one.p for one in differences])
    return tuple(replace(one, corrected_p=p) for one, p in zip(differences, corrected, strict=True))


def _changed(a: KeptRun, b: KeptRun, name: str) -> list[Changed]:
    sign = -1 if name in a.lower_is_better else 1
    rows = zip(a.cases, a.values[name], b.values[name], strict=True)
    changes = [
        Changed(case.id, case.question, name, before, after, sign * (after - before))
        for case, before, after in rows
        if before is not None and after is not None and before != after
    ]
    return sorted(changes, key=lambda one: (-abs(one.gain), one.case_id))


def _settings_that_differ(
    a: Mapping[str, Any], b: Mapping[str, Any], above: str = ""
) -> Iterator[tuple[str, tuple[object, object]]]:
    for name in [*a, *compress(b, (name not in a for name in b))]:
        of_a, of_b = a.get(name), b.get(name)
        if isinstance(of_a, Mapping) and isinstance(of_b, Mapping):
            yield from _settings_that_differ(of_a, of_b, f"{above}{name}.")
        elif of_a != of_b:
            yield f"{above}{name}", (of_a, of_b)
