"""The plots of a report, of its facts alone: what they show stands as numbers in the report's JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import NDArray

from ragent_evals.comparing import Comparison
from ragent_evals.comparing.costs import COST_METRICS
from ragent_evals.reporting.drawing import FAINT, INK, Drawing, series
from ragent_evals.reporting.facts import Figure, Report, RunFacts
from ragent_evals.running.kept import KeptRun

_WIDTH = 7.2
_MOST_SLICES = 40
_MOST_STEPS = 400


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot: what it is called, what it tells to who reads it, and its SVG."""

    title: str
    caption: str
    svg: str


def draw(report: Report, runs: Sequence[KeptRun]) -> tuple[Plot, ...]:
    """Every plot that these runs have the figures for."""
    plots = (
        _metrics(report.runs),
        *(_differences(one, number) for number, one in enumerate(report.comparisons)),
        *(_cases(one, runs, number, report.runs[0].main) for number, one in enumerate(report.comparisons)),
        _slices(report.runs),
        _risk_coverage(report.runs),
        _reliability(report.runs),
        _latency(report.runs, runs),
    )
    return tuple(plot for plot in plots if plot)


def _metrics(runs: Sequence[RunFacts]) -> Plot | None:
    named = dict.fromkeys(one.metric for run in runs for one in run.metrics if _is_share(one))
    figures = [[one for one in run.metrics if one.metric in named and _is_share(one)] for run in runs]
    return _whiskers(
        (
            "metrics",
            "Metrics",
            "The figure of each metric that lies between 0 and 1, with its 95 % interval.",
        ),
        list(named),
        [(run.title, {one.metric: one for one in own}) for run, own in zip(runs, figures, strict=True)],
    )


def _slices(runs: Sequence[RunFacts]) -> Plot | None:
    main = runs[0].main
    own = [(run.title, {one.slice: one for one in run.slices if one.metric == main}) for run in runs]
    labels = sorted({label for _, figures in own for label in figures})
    dropped = max(0, len(labels) - _MOST_SLICES)
    more = f" {dropped} more are in the table." if dropped else ""
    caption = f"{main} by slice, with 95 % intervals.{more}"
    return _whiskers(("slices", "Slices", caption), labels[:_MOST_SLICES], own)


def _whiskers(
    told: tuple[str, str, str], labels: Sequence[str], own: Sequence[tuple[str, dict[str, Figure]]]
) -> Plot | None:
    """A row a label, in it a dot with its interval for each run."""
    if not labels:
        return None
    name, title, caption = told
    drawing = Drawing(name, _WIDTH, 0.9 + len(labels) * max(0.3, 0.17 * len(own)) + 0.25 * len(own))
    with drawing as figure:
        axes = figure.subplots()
        step = 0.6 / max(len(own), 1)
        for number, (run, figures) in enumerate(own):
            rows = [(place, figures[label]) for place, label in enumerate(labels) if label in figures]
            heights = [place + (number - (len(own) - 1) / 2) * step for place, _ in rows]
            _dots(axes, [one for _, one in rows], heights, series(number), run)
        _rows(axes, labels)
        _legend(figure, len(own))
    return Plot(title, caption, drawing.svg)


def _dots(axes: Axes, figures: Sequence[Figure], heights: Sequence[float], colour: str, run: str) -> None:
    axes.hlines(heights, [one.low for one in figures], [one.high for one in figures], color=colour, lw=2)
    axes.plot([one.value for one in figures], heights, "o", color=colour, ms=5, label=run)


def _rows(axes: Axes, labels: Sequence[str]) -> None:
    axes.set_yticks(range(len(labels)), [_short(label) for label in labels])
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")


def _differences(comparison: Comparison, number: int) -> Plot | None:
    shown = [
        one
        for one in comparison.metrics
        if one.metric not in COST_METRICS and max(abs(one.low), abs(one.high)) <= 1
    ]
    if not shown:
        return None
    drawing = Drawing(f"differences-{number}", _WIDTH, 0.8 + 0.3 * len(shown))
    with drawing as figure:
        axes = figure.subplots()
        axes.axvline(0, color=INK, lw=1)
        for place, one in enumerate(shown):
            sure = one.verdict != "unclear"
            axes.hlines(place, one.low, one.high, color=series(number + 1), lw=2)
            axes.plot(
                one.difference, place, "o", color=series(number + 1), ms=6, mfc=None if sure else "none"
            )
        _rows(axes, [one.metric for one in shown])
        axes.set_xlabel("difference")
    caption = (
        f"{comparison.b} less {comparison.a}, with 95 % paired intervals. "
        "Filled: beyond chance at 5 % after Holm's correction."
    )
    return Plot("Differences", caption, drawing.svg)


def _cases(comparison: Comparison, runs: Sequence[KeptRun], number: int, main: str) -> Plot | None:
    by_id = {run.id: run for run in runs}
    a, b = by_id[comparison.a_id], by_id[comparison.b_id]
    if main not in a.values or main not in b.values:
        return None
    of_b = dict(zip((case.id for case in b.cases), b.values[main], strict=True))
    pairs = [(one, of_b[case.id]) for case, one in zip(a.cases, a.values[main], strict=True)]
    both = np.array([pair for pair in pairs if None not in pair], dtype=np.float64)
    if not len(both):
        return None
    drawing = Drawing(f"cases-{number}", _WIDTH, 3.4)
    with drawing as figure:
        left, right = figure.subplots(1, 2)
        _scatter(left, both, series(number + 1), (f"{main}, {_short(a.title)}", f"{main}, {_short(b.title)}"))
        changes = np.sort(both[:, 1] - both[:, 0])[::-1]
        steps = changes[np.linspace(0, len(changes) - 1, min(len(changes), _MOST_STEPS)).astype(int)]
        places = np.linspace(0, 1, len(steps))
        right.fill_between(places, steps, step="mid", color=series(number + 1), lw=0)
        right.axhline(0, color=INK, lw=1)
        right.set_xlabel("share of cases, largest gain first")
        right.set_ylabel("difference")
    caption = f"{main} of each case in both runs (larger dots: more cases), and the differences in order."
    return Plot("Case by case", caption, drawing.svg)


def _scatter(axes: Axes, both: NDArray[np.float64], colour: str, names: tuple[str, str]) -> None:
    places, counts = np.unique(np.round(both, 2), axis=0, return_counts=True)
    low, high = float(both.min()), float(both.max())
    axes.plot([low, high], [low, high], color=FAINT, lw=1)
    axes.scatter(
        places[:, 0], places[:, 1], s=12 + 160 * counts / counts.max(), color=colour, alpha=0.6, lw=0
    )
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])


def _risk_coverage(runs: Sequence[RunFacts]) -> Plot | None:
    if not any(run.risk_coverage for run in runs):
        return None
    drawing = Drawing("risk-coverage", _WIDTH, 3.2)
    with drawing as figure:
        axes = figure.subplots()
        for number, run in enumerate(runs):
            curve = run.risk_coverage
            axes.plot(
                [one.coverage for one in curve],
                [one.risk for one in curve],
                color=series(number),
                lw=2,
                label=run.title,
                marker="o",
                ms=3 if len(curve) < 30 else 0,
            )
        axes.set_xlabel("coverage: the share of cases answered, the surest first")
        axes.set_ylabel("risk: the share wrong")
        axes.set_xlim(0, 1.01)
        axes.set_ylim(-0.02, 1.02)
        _legend(figure, len(runs))
    caption = (
        "How many answers are wrong if only the surest are given. Withheld answers and errors stand last."
    )
    return Plot("Risk and coverage", caption, drawing.svg)


def _reliability(runs: Sequence[RunFacts]) -> Plot | None:
    if not any(run.reliability for run in runs):
        return None
    drawing = Drawing("reliability", _WIDTH, 3.4)
    with drawing as figure:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=FAINT, lw=1)
        for number, run in enumerate(runs):
            bins = run.reliability
            most = max((one.count for one in bins), default=1)
            supports, shares = [one.support for one in bins], [one.right for one in bins]
            axes.plot(supports, shares, color=series(number), lw=1.5, label=run.title)
            axes.scatter(
                supports, shares, s=[15 + 100 * one.count / most for one in bins], color=series(number)
            )
        axes.set_xlabel("support")
        axes.set_ylabel("share of right answers")
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.04, 1.04)
        _legend(figure, len(runs))
    caption = "How often answers are right, by their support. Larger dots: more answers. "
    return Plot("Reliability", caption, drawing.svg)


def _latency(facts: Sequence[RunFacts], runs: Sequence[KeptRun]) -> Plot | None:
    seconds = [np.sort([one.cost.seconds for one in run.outcomes]) for run in runs]
    if not any(own.any() for own in seconds):
        return None
    drawing = Drawing("latency", _WIDTH, 3.0)
    with drawing as figure:
        axes = figure.subplots()
        for number, (run, own) in enumerate(zip(facts, seconds, strict=True)):
            shares = np.linspace(1 / len(own), 1, len(own))
            some = np.linspace(0, len(own) - 1, min(len(own), _MOST_STEPS)).astype(int)
            axes.step(own[some], shares[some], where="post", color=series(number), lw=2, label=run.title)
        smallest = min((own[own > 0].min() for own in seconds if own.any()), default=1.0)
        if max(own.max() for own in seconds) > 30 * smallest:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter(lambda seconds, _: f"{seconds:g}")
            axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("seconds a case")
        axes.set_ylabel("share of cases done")
        axes.set_ylim(0, 1.02)
        _legend(figure, len(runs))
    return Plot("Latency", "The share of cases that took no longer than so many seconds.", drawing.svg)


def _legend(figure: Canvas, count: int) -> None:
    if count > 1:
        figure.legend(loc="outside upper left", ncols=2)


def _is_share(one: Figure) -> bool:
    return one.metric not in COST_METRICS and one.low >= 0 and one.high <= 1


def _short(label: str, most: int = 32) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"
