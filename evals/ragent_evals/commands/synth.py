"""`ragent eval synth`: write an eval set from the documents of a collection."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ragent.cli.face import CollectionOption, Face, HomeOption, JsonOption


def synth(
    context: typer.Context,
    out: Annotated[Path, typer.Argument(metavar="OUT.jsonl", help="The set.", show_default=False)],
    cases: Annotated[int, typer.Option("--cases", min=1, metavar="N", help="How many, at most.")] = 50,
    seed: Annotated[int, typer.Option("--seed", help="The same one gives the same set.")] = 0,
    two_document: Annotated[
        float, typer.Option("--two-document", min=0, max=0.5, help="Share that needs two documents.")
    ] = 0.1,
    unanswerable: Annotated[
        float, typer.Option("--unanswerable", min=0, max=0.5, help="Share that nothing answers.")
    ] = 0.2,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write an eval set from your documents.

    Answers are words of a sentence; questions are that sentence turned round, or written by the model under a
    grammar, and the model chooses among them. What can't be answered from the passage, can be without it,
    isn't found by the search, or repeats another question is dropped. Read the set before you trust figures
    of it: a small model lets some bad questions pass.

    A run that was stopped goes on where it was when it is started again.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from ragent.rag import Rag
    from ragent_evals.synthesis.synthesizing import Wishes, synthesize

    began = time.perf_counter()
    face = Face(context, home, collection, as_json)
    wishes = Wishes(cases, seed, two_document, unanswerable)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with face.rag() as configured:
        # Guesses at the output would save nothing here, and the same seed must give the same set.
        llm = configured.settings.llm.model_copy(update={"speculate": "off"})
    settings = configured.settings.model_copy(update={"llm": llm})
    with (
        Rag(configured.home, settings) as rag,
        Progress(*columns, console=face.messages, transient=True) as progress,
    ):
        task = progress.add_task("questions kept", total=wishes.cases)
        report = synthesize(rag, out, wishes, lambda done, total: progress.update(task, completed=done))
    told = {**asdict(report), "wanted": cases, "set": out, "seconds": round(time.perf_counter() - began, 3)}
    if as_json or face.as_json:
        face.print_json(told)
    else:
        _print(face, told)


def _print(face: Face, told: Mapping[str, Any]) -> None:
    from rich.table import Table

    table = Table("what", "questions", box=None)
    for sort, count in told["kept"].items():
        table.add_row(f"kept: {sort}", str(count))
    for reason, count in told["dropped"].items():
        table.add_row(f"dropped: {reason}", str(count))
    for flaw, count in told["flaws"].items():
        table.add_row(f"unread, by its wording: {flaw}", str(count))
    face.console.print(table)
    face.console.print(
        f"kept {told['share']:.0%} of {told['proposed']} proposals; {told['cases']} of "
        f"{told['wanted']} cases in {told['set']}",
        markup=False,
    )
    if told["cases"] < told["wanted"]:
        face.messages.print("the documents gave no more good questions", style="yellow")
