"""`ragent agent memory`: what agents remember for good."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ragent.cli.face import FAILED, Face, HomeOption, JsonOption

app = typer.Typer(help="What agents remember for good (tools remember, recall).", no_args_is_help=True)


@app.command("list")
def list_facts(context: typer.Context, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the facts, the oldest first. What foreign text may have had a hand in is marked."""
    from ragent.agent.memory import Facts

    face = Face(context, home, None, as_json)
    with face.rag() as rag:
        facts = Facts(rag).all()
    if face.as_json:
        face.print_json(
            [
                {
                    "id": fact.id,
                    "text": fact.text,
                    "tainted": fact.tainted,
                    "run": fact.run or None,
                    "when": fact.when.isoformat() if fact.when else None,
                }
                for fact in facts
            ]
        )
        return
    for fact in facts:
        when = f"{fact.when.astimezone():%Y-%m-%d %H:%M}" if fact.when else ""
        doubt = "  (tainted)" if fact.tainted else ""
        face.console.print(f"{fact.id}  {when}{doubt}  {' '.join(fact.text.split())}", markup=False)


@app.command("forget")
def forget(
    context: typer.Context,
    fact: Annotated[str, typer.Argument(metavar="ID", help="A fact's id, of `ragent agent memory list`.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Forget a fact, and prove that its text is gone from every file of the home (exit code 1 if not)."""
    from ragent.agent.memory import Facts

    face = Face(context, home, None, as_json)
    with face.rag() as rag:
        report = Facts(rag).forget(fact)
    ((_, uri),) = report.forgotten
    if face.as_json:
        face.print_json({"forgotten": uri, "found": report.proof.found})
    else:
        face.console.print(f"forgotten: {uri}", markup=False)
        for name in report.proof.found:
            face.console.print(f"still in {name}", markup=False, style="red")
    sys.exit(FAILED if report.proof.found else 0)
