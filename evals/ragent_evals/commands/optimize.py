"""`ragent eval optimize`: improve the prompt and the numbers of `ask`, and check on cases held out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragent.cli.face import CollectionOption, Face, HomeOption, JsonOption

if TYPE_CHECKING:
    from ragent_evals.optimizing.optimize import Optimized
    from ragent_evals.optimizing.writing import About

_TUNE = "What may change, with commas: instruction, examples, abstain_below, style, k, focus_tokens, …"


def optimize(
    context: typer.Context,
    cases: Annotated[
        Path, typer.Argument(metavar="SET", help="A set of questions with answers.", show_default=False)
    ],
    metric: Annotated[str, typer.Option(help="What should get better: a metric of cases.")] = "f1",
    train: Annotated[str, typer.Option(help="The split to choose by.")] = "train",
    test: Annotated[str, typer.Option(help="The split to check on.")] = "test",
    budget: Annotated[str, typer.Option(help='So many asks, "600", or processor time, "30 min".')] = "600",
    tune: Annotated[str, typer.Option(help=_TUNE, show_default=False)] = "",
    words: Annotated[
        bool, typer.Option("--words", help="Judge the words that an answer points at, not its sentence.")
    ] = False,
    write: Annotated[bool, typer.Option("--write", help="Write the winner to the home.")] = False,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Improve the prompt and the numbers of ask by a set of questions, and check on cases held out.

    Other instructions, examples from questions that were answered well, and other numbers are tried on a few
    cases; the better half on more, and so on (successive halving). What did well is joined and tried again.
    The winner is then compared with what there is, on cases that took no part. With --write it becomes a new
    version of the prompt, and settings in ragent.toml: only if those cases don't get worse. What was asked is
    remembered: stopped and run again, it goes on.
    """
    from ragent.config import CONFIG_NAME, find_config
    from ragent_evals.optimizing.budget import Budget, parse_budget
    from ragent_evals.optimizing.improving import Plan, improve
    from ragent_evals.optimizing.proposing import DEFAULT
    from ragent_evals.optimizing.writing import report_json, write_report, write_winner
    from ragent_evals.sets.opening import open_set

    began = time.perf_counter()
    face = Face(context, home, collection, as_json)
    spend = parse_budget(budget)
    names = tuple(name.strip() for name in tune.split(",")) if tune else DEFAULT
    parts = [open_set(cases, split=split, kind="answer") for split in (train, test)]
    with face.rag() as rag, face.messages.status("reading") as status:

        def show(part: Budget) -> None:
            status.update(f"asked {part.asks} in this part, {part.spent:.0f} of {part.limit:.0f} {part.unit}")

        found, about = improve(rag, parts[0], parts[1], Plan(spend, metric, names, words, on_ask=show))
        report = write_report(rag.home / "runs" / "optimize", found, about)
        config = face.config or find_config(rag.home) or rag.home / CONFIG_NAME
        written = write_winner(found, about, rag.home, config) if write else []
    if face.as_json:
        more: dict[str, Any] = {"report": report, "written": written}
        face.print_json(report_json(found, about) | more | {"seconds": time.perf_counter() - began})
        return
    _print(face, found, about, written)
    face.console.print(f"report: {report}", markup=False)


def _print(face: Face, found: Optimized, about: About, written: list[str]) -> None:
    from ragent_evals.optimizing.writing import silence, told, verdict

    for label, half in (("now", found.start), ("best", found.winner)):
        face.console.print(
            f"{label:5}{about.metric} {told(half.value)}, answers {half.answered:.0%}: "
            f"{half.candidate.name}, abstain_below = {half.threshold:g}",
            markup=False,
        )
    face.console.print(f"nothing at all would come to {silence(found)}", markup=False)
    face.console.print(
        f"difference {told(found.gain)}, p = {found.p:.4f}, on {found.test_cases} cases held out: "
        f"{verdict(found)}",
        markup=False,
    )
    for line in written:
        face.console.print(f"wrote {line}", markup=False)
