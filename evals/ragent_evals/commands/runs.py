"""`ragent eval runs`: the runs that are kept."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragent.cli.face import Face, HomeOption, JsonOption
from ragent_evals.commands.running import print_figures

if TYPE_CHECKING:
    from datetime import datetime

    from ragent_evals.running.kept import KeptRun

_SHOWN_CHARS = 60


def runs(
    context: typer.Context,
    run: Annotated[
        str,
        typer.Argument(metavar="[RUN]", help="Show this one: its id, a beginning of it, or its name."),
    ] = "",
    delete: Annotated[bool, typer.Option("--delete", help="Delete it, with what came of its cases.")] = False,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="List so many, the newest first.")] = 20,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the runs of eval sets, show one with its cases, or delete it."""
    from ragent.store.evals import drop_eval_run, find_eval_run, list_eval_runs
    from ragent_evals.running.reading import read_kept

    face = Face(context, home, None, as_json)
    if delete and not run:
        face.messages.print("name the run that is to be deleted", style="red")
        sys.exit(2)
    with face.rag() as rag:
        if delete:
            with rag.store.writing() as connection:
                found = find_eval_run(connection, run)
                drop_eval_run(connection, found.id)
            _tell(face, {"deleted": found.id}, f"deleted {found.name} ({found.id[:8]})")
        elif run:
            _show(face, read_kept(rag.store, run))
        else:
            with rag.store.reading() as connection:
                _list(face, list_eval_runs(connection, count))


def _tell(face: Face, value: Any, line: str) -> None:
    if face.as_json:
        face.print_json(value)
    else:
        face.console.print(line, markup=False)


def _list(face: Face, rows: list[Any]) -> None:
    if face.as_json:
        face.print_json([_row_json(row) for row in rows])
        return
    from rich.table import Table

    table = Table("run", "name", "set", "cases", "begun", "first measure", box=None)
    for row in rows:
        first = next(iter(row.metrics.items()), None)
        figure = f"{first[0]} {first[1]['value']:.4f}" if first else "not finished"
        set_name = f"{row.set_name} ({row.split})" if row.split else row.set_name
        begun = f"{row.created_at:%Y-%m-%d %H:%M}"
        table.add_row(row.id[:8], row.name, set_name, str(row.cases), begun, figure)
    face.console.print(table)


def _row_json(row: Any) -> dict[str, Any]:
    from ragent_evals.running.reading import in_utc

    return {
        "run": row.id,
        "name": row.name,
        "set": row.set_name,
        "split": row.split,
        "cases": row.cases,
        "metrics": row.metrics,
        "seconds": row.seconds,
        "collection": row.collection,
        "created_at": _said(in_utc(row.created_at)),
        "finished_at": _said(in_utc(row.finished_at)),
    }


def _said(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _show(face: Face, kept: KeptRun) -> None:
    if face.as_json:
        face.print_json(_kept_json(kept))
        return
    print_figures(face, kept.metrics)
    for case, outcome in zip(kept.cases, kept.outcomes, strict=True):
        said = outcome.error or ("abstained" if outcome.abstained else outcome.text.replace("\n", " "))
        line = f"{case.id}  {case.question[:_SHOWN_CHARS]}  →  {said[:_SHOWN_CHARS]}"
        face.console.print(line, markup=False, style="yellow" if outcome.error else None)
    state = f"{kept.seconds:.1f} s" if kept.finished_at else "not finished"
    face.console.print(f"\n{kept.title}: {len(kept.cases)} of {kept.total} cases, {state}", markup=False)


def _kept_json(kept: KeptRun) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "run": kept.id,
        "name": kept.name,
        "set": kept.set_name,
        "split": kept.split,
        "version": kept.version,
        "corpus": kept.corpus,
        "collection": kept.collection,
        "configuration": kept.configuration,
        "cases": [
            {"case": asdict(case), "outcome": asdict(outcome), "values": _values(kept, place)}
            for place, (case, outcome) in enumerate(zip(kept.cases, kept.outcomes, strict=True))
        ],
        "metrics": kept.metrics,
        "total": kept.total,
        "seconds": kept.seconds,
        "created_at": _said(kept.created_at),
        "finished_at": _said(kept.finished_at),
    }


def _values(kept: KeptRun, place: int) -> dict[str, float | None]:
    return {name: values[place] for name, values in kept.values.items()}
