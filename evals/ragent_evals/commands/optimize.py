"""`ragent eval optimize`: improve the prompt and the numbers of `ask`, and check on cases held out."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragent.cli.face import CollectionOption, Face, HomeOption, JsonOption

if TYPE_CHECKING:
    from ragent_evals.optimizing.optimize import Half, Optimized
    from ragent_evals.optimizing.writing import About
    from ragent_evals.sets.case import EvalSet

_TUNE = (
    "What may change, with commas: instruction, examples, abstain_below, style, k, focus_tokens, …; of an "
    "agent: instruction, examples, likest_first, max_steps."
)


class What(StrEnum):
    """What can be improved."""

    ASK = "ask"
    AGENT = "agent"


def optimize(
    context: typer.Context,
    cases: Annotated[
        Path, typer.Argument(metavar="SET", help="A set of questions with answers.", show_default=False)
    ],
    program: Annotated[
        What, typer.Option(help="What to improve: ask, or an agent that does the cases as tasks.")
    ] = What.ASK,
    tools: Annotated[
        str,
        typer.Option(
            metavar="A,B", help="The agent's tools (those enabled); a case may offer functions instead."
        ),
    ] = "",
    metric: Annotated[
        str,
        typer.Option(
            help="What should get better: a metric of cases (f1; for cases of calls, call).",
            show_default=False,
        ),
    ] = "",
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
    """Improve the prompt and the numbers of ask, or of an agent, by a set, and check on cases held out.

    Other instructions, examples from questions that were answered well, and other numbers are tried on a few
    cases; the better half on more, and so on (successive halving). What did well is joined and tried again.
    The winner is then compared with what there is, on cases that took no part. With --write it becomes a new
    version of the prompt, and settings in ragent.toml: only if those cases don't get worse. What was asked is
    remembered: stopped and run again, it goes on.
    """
    from ragent.config import CONFIG_NAME, find_config
    from ragent_evals.optimizing.budget import Budget, parse_budget
    from ragent_evals.optimizing.improving import Plan, improve, improve_agent
    from ragent_evals.optimizing.proposing import AGENT_NAMES, DEFAULT
    from ragent_evals.optimizing.writing import report_json, write_report, write_winner

    began = time.perf_counter()
    face = Face(context, home, collection, as_json)
    spend = parse_budget(budget)
    is_agent = program is What.AGENT
    names = _names(tune) or (AGENT_NAMES if is_agent else DEFAULT)
    chosen, checked = (_open(cases, split, calls_too=is_agent) for split in (train, test))
    metric = metric or ("call" if chosen.cases[0].kind == "tools" else "f1")
    with face.rag() as rag, face.messages.status("reading") as status:

        def show(part: Budget) -> None:
            status.update(f"asked {part.asks} in this part, {part.spent:.0f} of {part.limit:.0f} {part.unit}")

        plan = Plan(spend, metric, names, words, on_ask=show)
        if is_agent:
            used = _names(tools) or rag.settings.tools.enabled
            found, about = improve_agent(rag, chosen, checked, plan, used)
        else:
            found, about = improve(rag, chosen, checked, plan)
        report = write_report(rag.home / "runs" / "optimize", found, about)
        config = face.config or find_config(rag.home) or rag.home / CONFIG_NAME
        written = write_winner(found, about, rag.home, config) if write else []
    if face.as_json:
        more: dict[str, Any] = {"report": report, "written": written}
        face.print_json(report_json(found, about) | more | {"seconds": time.perf_counter() - began})
        return
    _print(face, found, about, written)
    face.console.print(f"report: {report}", markup=False)


def _threshold(half: Half, about: About) -> str:
    return f", abstain_below = {half.threshold:g}" if about.answer_prompt else ""


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _open(path: Path, split: str, *, calls_too: bool) -> EvalSet:
    """The cases that ask for an answer; of a set that has none, those that ask for calls."""
    from ragent_evals.sets.opening import read_set, selected

    read = read_set(path, split)
    has_calls = all(case.kind == "tools" for case in read.cases)
    return selected(read, split, kind="tools" if calls_too and has_calls else "answer")


def _print(face: Face, found: Optimized, about: About, written: list[str]) -> None:
    from ragent_evals.optimizing.writing import silence, told, verdict

    for label, half in (("now", found.start), ("best", found.winner)):
        face.console.print(
            f"{label:5}{about.metric} {told(half.value)}, answers {half.answered:.0%}: "
            f"{half.candidate.name}{_threshold(half, about)}",
            markup=False,
        )
    if about.answer_prompt:
        face.console.print(f"nothing at all would come to {silence(found)}", markup=False)
    face.console.print(
        f"difference {told(found.gain)}, p = {found.p:.4f}, on {found.test_cases} cases held out: "
        f"{verdict(found)}",
        markup=False,
    )
    for line in written:
        face.console.print(f"wrote {line}", markup=False)
