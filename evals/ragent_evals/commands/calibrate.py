"""`ragent eval calibrate`: find the support below which to abstain."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from ragent.cli.face import CollectionOption, Face, HomeOption, JsonOption
from ragent.config import CONFIG_NAME


def calibrate(
    context: typer.Context,
    questions: Annotated[
        Path,
        typer.Argument(
            metavar="SET", help="questions.jsonl, its folder, or SQuAD's JSON.", show_default=False
        ),
    ],
    error: Annotated[
        float, typer.Option("--error", min=0.001, max=0.999, help="Most questions answered wrongly.")
    ] = 0.1,
    cases: Annotated[
        int, typer.Option("--cases", min=1, help="Ask so many, spread over the set, at most.")
    ] = 500,
    write: Annotated[bool, typer.Option("--write", help="Write the threshold to ragent.toml.")] = False,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the support below which ask should abstain, for a chosen share of wrong answers.

    SET holds questions like yours, with their answers, and some that your documents can't answer. Texts that
    come with it go into a collection of their own; without any, or with --collection, the questions are asked
    of the collection in use. The share of all questions that get a wrong answer then stays below --error, for
    questions of that kind (conformal risk control).
    """
    from ragent.config import find_config
    from ragent.rag import Rag
    from ragent_evals.running.texts import prepared
    from ragent_evals.sets.opening import open_set
    from ragent_evals.tuning import calibrating
    from ragent_evals.tuning.settings_file import write_settings

    began = time.perf_counter()
    face = Face(context, home, collection, as_json)
    asked = open_set(questions, limit=cases, kind="answer")
    count = len(asked.cases)
    if face.collection is not None:
        asked = replace(asked, texts={})
    with face.rag() as configured:
        settings = configured.settings
    every = settings.model_copy(update={"ask": settings.ask.model_copy(update={"abstain_below": 0.0})})
    with (
        Rag(configured.home, every) as rag,
        face.messages.status("reading") as status,
        prepared(rag, asked) as ground,
    ):
        judged = calibrating.judge(
            ground.rag,
            asked.cases,
            lambda done: status.update(f"asked {done} of {count} questions"),
        )
    found = calibrating.calibrate(judged, error)
    path = (face.config or find_config(configured.home) or configured.home / CONFIG_NAME) if write else None
    line = (
        f"{found.threshold:g}  # at most {error:.1%} answered wrongly: {asked.name}, {count} questions, "
        f"style {settings.ask.style}, {time.strftime('%Y-%m-%d')}"
    )
    if path:
        write_settings(path, "ask", {"abstain_below": line})
    if face.as_json:
        report = {
            "set": asked.name,
            "cases": len(asked.cases),
            "error": error,
            **asdict(found),
            "written": path,
        }
        face.print_json(report | {"seconds": round(time.perf_counter() - began, 3)})
        return
    face.console.print(
        f"answered {found.answered:.1%} of {count} questions, wrongly {found.wrong:.1%}"
        f" ({found.wrong_of_answered:.1%} of the answers)",
        markup=False,
    )
    where = f"wrote {path}" if path else f"\n[ask]\nabstain_below = {line}"
    face.console.print(where, markup=False)
