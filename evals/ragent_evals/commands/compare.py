"""`ragent eval compare`: whether one run is better than another, beyond chance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragent.cli.face import FAILED, Face, HomeOption, JsonOption

if TYPE_CHECKING:
    from rich.table import Table

    from ragent_evals.comparing import Breach, Changed, Comparison, CostRatio, Difference

_LEAST_WIDTH = 120
_RUN = "A run's id, the beginning of one, or its name (then the newest)."


def compare(
    context: typer.Context,
    a: Annotated[str, typer.Argument(metavar="A", help=_RUN, show_default=False)],
    b: Annotated[str, typer.Argument(metavar="B", help=_RUN, show_default=False)],
    gate: Annotated[
        Path | None,
        typer.Option("--gate", metavar="FILE", help="What must not be lost, in TOML.", show_default=False),
    ] = None,
    fail_on_loss: Annotated[
        bool, typer.Option("--fail-on-loss", help="Fail if any metric of quality is lost by, beyond chance.")
    ] = False,
    cases: Annotated[
        int, typer.Option("--cases", min=0, metavar="N", help="How many changed cases to show a metric.")
    ] = 5,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare run B with run A, case by case: is it better, beyond chance?

    Each metric's difference has a paired bootstrap interval and the p of a permutation test, corrected by
    Holm's method for how many are looked at. Runs over other cases, texts or splits, and unfinished ones, are
    refused. With --gate or --fail-on-loss the exit code is 1 where more is lost than may be.
    """
    from ragent_evals import comparing
    from ragent_evals.metrics.metric import MetricContext
    from ragent_evals.reporting import as_json as plain
    from ragent_evals.running.reading import read_kept

    face = Face(context, home, None, as_json)
    bounds = comparing.read_gate(gate) if gate else None
    with face.rag() as rag, face.messages.status("comparing"):
        before, after = read_kept(rag.store, a), read_kept(rag.store, b)
        figures = MetricContext({}, lambda: rag.embedder, lambda: rag.llm)
        comparison = comparing.compare(before, after, comparing.shared_set_metrics([before, after], figures))
    breaches: list[Breach] = []
    if bounds:
        breaches += comparing.check(bounds, comparison)
    if fail_on_loss:
        breaches += comparing.check(comparing.gate_of_all(comparison), comparison)
    if face.as_json:
        face.print_json({**plain(comparison), "passed": not breaches, "breaches": breaches})
    else:
        _print(face, comparison, cases)
    for breach in breaches:
        where = f" ({breach.slice})" if breach.slice else ""
        face.messages.print(f"gate: {breach.metric}{where}: {breach.why}", markup=False)
    if breaches:
        raise typer.Exit(FAILED)


def _print(face: Face, comparison: Comparison, cases: int) -> None:
    from rich.console import Console

    # A narrow terminal had better wrap lines than have figures cut.
    width = max(face.console.width, _LEAST_WIDTH)
    console = Console(highlight=False, soft_wrap=True, width=width)
    console.print(f"{comparison.b} beside {comparison.a}: {comparison.cases} cases", markup=False)
    console.print(_table(comparison.metrics))
    moved = [one for one in comparison.slices if one.difference]
    for label, rows in groupby(moved, lambda one: one.slice):
        console.print(f"\n{label.replace('=', ': ', 1)}", markup=False)
        console.print(_table(list(rows)))
    if len(moved) < len(comparison.slices):
        left_out = len(comparison.slices) - len(moved)
        console.print(f"\n{left_out} figures of slices are the same in both: --json shows them", style="dim")
    if comparison.costs:
        console.print()
        console.print(_costs(comparison.costs))
    for name, (before, after) in comparison.configuration.items():
        console.print(f"setting {name}: {before} became {after}", markup=False)
    for line in _changes(comparison.changed, cases):
        console.print(line, markup=False)
    if comparison.left_out:
        console.print(f"not compared: {', '.join(comparison.left_out)}", markup=False)


def _costs(ratios: Sequence[CostRatio]) -> Table:
    from rich.table import Table

    table = Table("cost of a case", "median before", "after", "ratio", "95 % interval", box=None)
    for one in ratios:
        table.add_row(
            one.name.replace("_", " "),
            f"{one.before:.4g}",
            f"{one.after:.4g}",
            "-" if one.ratio is None else f"{one.ratio:.3f}",
            "-" if one.ratio is None else f"{one.low:.3f} to {one.high:.3f}",
        )
    return table


def _changes(changed: Sequence[Changed], most: int) -> Iterator[str]:
    for metric, group in groupby(changed, lambda one: one.metric):
        every = list(group)
        for one in every[:most]:
            sign = "won" if one.gain > 0 else "lost"
            question = " ".join(one.question.split())
            yield f"{metric} {sign}: {one.before:.4f} became {one.after:.4f}, {one.case_id}: {question}"
        if len(every) > most:
            yield f"{metric}: {len(every) - most} more cases changed"


def _table(rows: Sequence[Difference]) -> Table:
    from rich.table import Table
    from rich.text import Text

    headings = ("before", "after", "difference", "95 % interval", "p", "corrected", "won", "lost", "")
    table = Table("metric", *headings, box=None)
    colours = {"better": "green", "worse": "red", "unclear": "dim"}
    for one in rows:
        table.add_row(
            Text(one.metric),
            f"{one.before:.4f}",
            f"{one.after:.4f}",
            f"{one.difference:+.4f}",
            f"{one.low:+.4f} to {one.high:+.4f}",
            f"{one.p:.4f}",
            f"{one.corrected_p:.4f}",
            str(one.won),
            str(one.lost),
            Text(one.verdict, style=colours[one.verdict]),
        )
    return table
