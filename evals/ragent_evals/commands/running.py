"""What commands that run a set share: their options, the bar, and how a run is told."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragent.cli.face import INTERRUPTED, Face
from ragent.cli.ingest import stopping
from ragent.errors import ConfigError

if TYPE_CHECKING:
    from ragent_evals.commands.junit import Junit
    from ragent_evals.estimates import Estimate
    from ragent_evals.running.runner import RunOptions, RunReport
    from ragent_evals.running.sitting import Progress
    from ragent_evals.sets.case import Kind

_SLICE_METRICS = 4
"""More would not fit beside each other."""

SetArgument = Annotated[Path, typer.Argument(metavar="SET", help="A file or folder.", show_default=False)]
SplitOption = Annotated[
    str | None, typer.Option("--split", help="Only cases of this split.", show_default=False)
]
LimitOption = Annotated[
    int | None, typer.Option("--limit", min=1, help="So many cases at most, spread over the set.")
]
NameOption = Annotated[str, typer.Option("--name", help="What to call the run \\[its set's name].")]
SeedOption = Annotated[
    int | None, typer.Option("--seed", min=0, help="Of what is drawn by chance \\[as the settings say].")
]
ParallelOption = Annotated[int, typer.Option("--parallel", min=1, max=64, help="So many cases at once.")]
MetricsOption = Annotated[
    str, typer.Option("--metrics", metavar="A,B", help="Metrics \\[those for the kinds of cases].")
]
DepthOption = Annotated[int, typer.Option("-k", "--k", min=1, help="How many passages a search gives.")]
ChangeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Another value of a setting, ask.style=draft say; as often as needed.",
        show_default=False,
    ),
]
FreshOption = Annotated[bool, typer.Option("--fresh", help="Begin anew, even if a run is unfinished.")]
CacheOption = Annotated[
    bool, typer.Option("--no-cache", help="Take nothing over from other runs of the same configuration.")
]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cases of what a set holds are to be run (see `open_set`), and where JUnit goes, if anywhere."""

    path: Path
    split: str | None = None
    limit: int | None = None
    kind: Kind | None = None
    junit: Junit | None = None


def changed_settings(changes: Sequence[str] | None) -> dict[str, Any]:
    """The settings that "section.key=value" texts say. A value that begins with [ or { is JSON.

    Raises:
        ConfigError: one has another form.
    """
    settings: dict[str, Any] = {}
    for change in changes or ():
        key, equals, text = change.partition("=")
        section, _, name = key.strip().partition(".")
        if not equals or not section:
            raise ConfigError(f"{change!r} sets nothing", hint="write it as ask.style=draft")
        try:
            value = json.loads(text) if text.strip()[:1] in {"[", "{"} else text.strip()
        except ValueError as error:
            raise ConfigError(f"{change!r}: the value is no JSON: {error}") from None
        if name:
            settings.setdefault(section, {})[name] = value
        else:
            settings[section] = value
    return settings


def run_wanted(face: Face, wanted: Wanted, options: RunOptions, settings: Mapping[str, Any]) -> None:
    """Open a set, run it, and tell what it came to. After Ctrl-C, the same command goes on."""
    from ragent_evals.running.reading import read_kept
    from ragent_evals.running.runner import run_set
    from ragent_evals.sets.opening import open_set

    eval_set = open_set(wanted.path, wanted.split, wanted.limit, wanted.kind)
    options = replace(options, split=wanted.split or "")
    with face.rag(**settings) as rag, watched(face, options) as watching:
        report = run_set(rag, eval_set, watching)
        if wanted.junit and report.is_finished:
            wanted.junit.write(read_kept(rag.store, report.run))
    told(face, report)


@contextmanager
def watched(face: Face, options: RunOptions) -> Iterator[RunOptions]:
    """The options, with a bar on stderr, and Ctrl-C that stops after the cases in hand."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[notes]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with stopping(face) as should_stop, Bars(*columns, console=face.messages, transient=True) as bars:
        task = bars.add_task("cases", total=None, notes="")

        def show(progress: Progress) -> None:
            notes = f"{progress.errors} failed" if progress.errors else ""
            bars.update(task, completed=progress.done, total=progress.total, notes=notes)

        yield replace(options, should_stop=should_stop, on_progress=show)


def told(face: Face, report: RunReport, more: Mapping[str, Any] | None = None) -> None:
    """Print a run; exit as interrupted where cases are left."""
    if face.as_json:
        face.print_json({**report_json(report), **(more or {})})
    elif report.is_finished:
        print_figures(face, report.metrics)
        _print_slices(face, report)
        face.console.print(f"\n{_summary(report)}", markup=False)
    if not report.is_finished:
        left = report.total - report.cases
        face.messages.print(f"stopped with {left} of {report.total} cases left; the same command goes on")
        sys.exit(INTERRUPTED)


def _print_slices(face: Face, report: RunReport) -> None:
    from rich.table import Table

    slices = {(name, value): figures for name, by in report.slices.items() for value, figures in by.items()}
    if not slices:
        return
    shown = list(dict.fromkeys(metric for figures in slices.values() for metric in figures))[:_SLICE_METRICS]
    table = Table("slice", *shown, box=None)
    for (name, value), figures in slices.items():
        cells = [f"{figures[metric].value:.4f}" if metric in figures else "-" for metric in shown]
        table.add_row(f"{name}: {value}", *cells)
    face.console.print()
    face.console.print(table)
    face.console.print("more of the slices: --json, and ragent eval report", style="dim")


def report_json(report: RunReport) -> dict[str, Any]:
    """A run as the commands give it."""
    return {
        "set": report.set,
        "split": report.split,
        "cases": report.cases,
        "metrics": report.metrics,
        "seconds": report.seconds,
        "run": report.run,
        "total": report.total,
        "errors": report.errors,
        "resumed": report.resumed,
        "cached": report.cached,
        "slices": report.slices,
    }


def print_figures(face: Face, figures: Mapping[str, Estimate]) -> None:
    """A table of figures with their intervals."""
    from rich.table import Table

    table = Table("measure", "value", "95 % interval", box=None)
    for name, figure in figures.items():
        table.add_row(name, f"{figure.value:.4f}", f"{figure.low:.4f} to {figure.high:.4f}")
    face.console.print(table)


def _summary(report: RunReport) -> str:
    split = f" ({report.split})" if report.split else ""
    notes = [
        f"{count} {what}"
        for count, what in (
            (report.errors, "failed"),
            (report.resumed, "done before"),
            (report.cached, "known from other runs"),
        )
        if count
    ]
    noted = f" ({', '.join(notes)})" if notes else ""
    return f"{report.set}{split}: {report.cases} cases{noted} in {report.seconds:.1f} s; run {report.run[:8]}"


def named(metrics: str) -> tuple[str, ...]:
    """The names in a list with commas."""
    return tuple(name for part in metrics.split(",") if (name := part.strip()))
