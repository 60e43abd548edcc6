"""`ragent code`: a task in a copy of a repository."""

from __future__ import annotations

import sys
import unicodedata
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragent.cli.agent_runs import SecondsOption, TokensOption, ask_person, stopping
from ragent.cli.agent_showing import contract, print_step
from ragent.cli.face import FAILED, INTERRUPTED, Face, HomeOption, JsonOption
from ragent.errors import ConfigError

if TYPE_CHECKING:
    from ragent.agent import Call, Limits
    from ragent.agent.coding import CodeAgent, CodeResult
    from ragent.rag import Rag

_TAIL = 1500


def code(
    context: typer.Context,
    task: Annotated[str, typer.Argument(help="What is to be done, in quotes.")],
    repo: Annotated[
        Path, typer.Option("--repo", metavar="DIR", exists=True, file_okay=False, help="The repository.")
    ] = Path(),
    test: Annotated[
        list[str] | None,
        typer.Option(
            "--test",
            metavar="COMMAND",
            help="What may be run: pytest …, python -m MODULE … or python FILE …; several times if need be"
            " (pytest -q).",
            show_default=False,
        ),
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Write the difference into the repository, once you agreed.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="With --apply: agree now, provided that the tests pass.")
    ] = False,
    test_seconds: Annotated[
        float, typer.Option("--test-seconds", min=1, metavar="S", help="How long one run of tests may take.")
    ] = 60.0,
    max_steps: Annotated[
        int | None,
        typer.Option("--max-steps", min=1, metavar="N", help="Steps at most (20).", show_default=False),
    ] = None,
    max_seconds: SecondsOption = None,
    max_tokens: TokensOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have an agent do a task in a copy of a repository, and show the difference and the tests.

    The copy is gone afterwards, and the repository stays as it is, unless --apply is given and you agree.
    Tests run in a sandbox: one process, no network. Exit code 0 if the agent answered and the tests pass.
    """
    from ragent.agent import Limits

    face = Face(context, home, None, as_json)
    if yes and not apply:
        raise ConfigError("--yes agrees to nothing without --apply", hint="add --apply")
    if apply and not yes and (as_json or not sys.stdin.isatty()):
        raise ConfigError("there is no terminal on which to ask you", hint="--apply --yes agrees beforehand")
    with face.rag() as rag:
        agent = _agent(rag, repo, test, Limits(max_steps or 20, max_tokens, max_seconds), test_seconds)
        stop = stopping()
        result = agent.run(
            task, on_step=lambda step: None if as_json else print_step(face, step), should_stop=stop.is_set
        )
    if not as_json:
        _print(face, result)
    applied = apply and not stop.is_set() and _apply(face, repo, result, yes)
    if as_json:
        face.print_json(
            contract(result.run)
            | {
                "diff": result.diff,
                "files": [change.path for change in result.changes],
                "tests": [asdict(report) for report in result.tests],
                "passed": result.passed,
                "applied": applied,
            }
        )
    if stop.is_set() and result.run.stop_reason == "cancelled":
        sys.exit(INTERRUPTED)
    is_done = result.run.stop_reason == "answer" and result.passed and applied >= apply
    sys.exit(0 if is_done else FAILED)


def _agent(rag: Rag, repo: Path, tests: list[str] | None, limits: Limits, seconds: float) -> CodeAgent:
    from ragent.agent import SavedRuns
    from ragent.agent.coding import CodeAgent

    return CodeAgent(
        rag.llm,
        repo,
        tests=tuple(tests or ["pytest -q"]),
        limits=limits,
        settings=rag.settings.tools.model_copy(update={"python_seconds": seconds}),
        runs=SavedRuns(rag.store),
        tracer=rag.tracer,
    )


def _print(face: Face, result: CodeResult) -> None:
    done = result.run
    if done.output is not None:
        face.messages.print(visible(str(done.output)), markup=False)
    if done.stop_reason != "answer":
        face.messages.print(f"no answer ({done.stop_reason}): {done.note}", markup=False, style="yellow")
    typer.echo(visible(result.diff), nl=False)
    for report in result.tests:
        style = "green" if report.passed else "red"
        verdict = "passed" if report.passed else "failed"
        face.messages.print(f"{verdict}: {report.command}", markup=False, style=style)
        face.messages.print(visible(report.output[-_TAIL:]), markup=False, style="dim")


def _apply(face: Face, repo: Path, result: CodeResult, yes: bool) -> bool:
    from ragent.agent.coding import apply

    def approve(call: Call, why: str) -> bool:
        return result.passed if yes else ask_person(face, call, why)

    applied = apply(repo, result.changes, approve)
    told = "written into the repository" if applied else "nothing was written into the repository"
    face.messages.print(told, style="green" if applied else "yellow")
    return applied


def visible(text: str) -> str:
    """A text in which no character hides or moves others on a terminal, so that a person sees all of it."""
    return "".join(
        char if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cf") else f"<U+{ord(char):04X}>"
        for char in text
    )
