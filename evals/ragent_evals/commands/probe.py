"""`ragent eval probe`: make the questions of a set harder in one way at a time, and see what gives."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragent.cli.face import CollectionOption, Face, HomeOption, JsonOption

if TYPE_CHECKING:
    from ragent_evals.estimates import Estimate
    from ragent_evals.probing.table import Row
    from ragent_evals.running.sitting import Progress

_PROBES = "With commas: noise, rejection, contradiction, position, paraphrase. All, if none is named."


def probe(
    context: typer.Context,
    cases: Annotated[
        Path, typer.Argument(metavar="SET", help="A set of questions with answers.", show_default=False)
    ],
    probes: Annotated[str, typer.Option("--probes", help=_PROBES, show_default=False)] = "",
    limit: Annotated[
        int, typer.Option("--cases", min=1, help="So many questions for each probe, spread over the set.")
    ] = 20,
    texts: Annotated[
        int | None,
        typer.Option(
            min=2, help="Only so many texts of the set, those that answer among them.", show_default=False
        ),
    ] = None,
    style: Annotated[
        str, typer.Option(help="Another style of answers: extract takes no model.", show_default=False)
    ] = "",
    split: Annotated[str | None, typer.Option(help="Only this split of the set.", show_default=False)] = None,
    model: Annotated[
        bool, typer.Option("--model/--no-model", help="Have the model rephrase the questions, too.")
    ] = True,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the curves (.png, .svg).", show_default=False)
    ] = None,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """See how ask stands up to noise, missing and contradicting texts, order, and other words.

    Each probe asks the same questions at several levels: with more texts beside the right one (noise),
    without it (rejection: silence is right), with a copy of it that says another answer (contradiction),
    with it first, in the middle and last (position), in other words (paraphrase). Each level is compared
    with the first of its probe, question by question. Runs are kept: `ragent eval compare` compares them.
    All five make 17 asks of a question, 18 with the model's own words: --cases 8 is about 140.
    """
    from ragent_evals.probing.run import ProbeOptions
    from ragent_evals.probing.run import probe as run_probes
    from ragent_evals.sets.opening import open_set

    began = time.perf_counter()
    face = Face(context, home, collection, as_json)
    names = tuple(name.strip() for name in probes.split(",") if name.strip())
    of = open_set(cases, split=split, kind="answer")
    settings = {"ask": {"style": style}} if style else {}
    with face.rag(**settings) as rag, face.messages.status("reading") as status:

        def show(progress: Progress) -> None:
            status.update(f"asked {progress.done} of {progress.total} questions")

        found = run_probes(rag, of, ProbeOptions(names, limit, texts, model, show))
    if plot:
        from ragent_evals.probing.drawing import draw

        draw(found.rows, plot)
    if face.as_json:
        seconds = round(time.perf_counter() - began, 3)
        face.print_json({"set": of.name, "runs": found.runs, "rows": found.rows, "seconds": seconds})
        return
    _print(face, found.rows)
    face.console.print(f"kept: {', '.join(run[:8] for run in found.runs)}", markup=False)


def _print(face: Face, rows: tuple[Row, ...]) -> None:
    probe = ""
    for row in rows:
        if row.probe != probe:
            probe = row.probe
            face.console.print(f"{probe}, {row.cases} questions", markup=False)
        change = f", change {_said(row.change)}, p = {row.p:.3f}" if row.change else ""
        face.console.print(f"  {row.level:13}right {_said(row.right)}{change}; {_shares(row)}", markup=False)


def _shares(row: Row) -> str:
    shares = (
        ("answered", row.answered),
        ("cites it", row.cited),
        ("both", row.both),
        ("the copy", row.fooled),
        ("same", row.same if row.change else None),
    )
    return ", ".join(f"{name} {each.value:.0%}" for name, each in shares if each)


def _said(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"
