"""`ragent eval calibrate`: find the support below which to abstain."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

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
    come with it (contexts.jsonl) go into a collection of their own; without any, the questions are asked of
    the collection in use. The share of all questions that get a wrong answer then stays below --error, for
    questions of that kind (conformal risk control).
    """
    from ragent.config import find_config
    from ragent.rag import Rag
    from ragent_evals.sets.qa import read_qa, spread
    from ragent_evals.tuning import calibrating
    from ragent_evals.tuning.settings_file import write_settings

    began = time.perf_counter()
    face = Face(context, home, collection, as_json)
    qa = read_qa(questions)
    asked = spread(qa.cases, cases)
    with face.rag() as configured:
        settings = configured.settings
    changed: dict[str, Any] = {"ask": settings.ask.model_copy(update={"abstain_below": 0.0})}
    if qa.texts and face.collection is None:
        changed["collection"] = calibrating.cache_name(qa.texts, settings)
    with (
        Rag(configured.home, settings.model_copy(update=changed)) as rag,
        face.messages.status("reading") as status,
    ):
        if qa.texts:
            calibrating.ingest_texts(rag, qa)
        judged = calibrating.judge(
            rag, asked, lambda done: status.update(f"asked {done} of {len(asked)} questions")
        )
    found = calibrating.calibrate(judged, error)
    path = (face.config or find_config(configured.home) or configured.home / CONFIG_NAME) if write else None
    line = (
        f"{found.threshold:g}  # at most {error:.1%} answered wrongly: {qa.name}, {len(asked)} questions, "
        f"style {settings.ask.style}, {time.strftime('%Y-%m-%d')}"
    )
    if path:
        write_settings(path, "ask", {"abstain_below": line})
    if face.as_json:
        report = {"set": qa.name, "cases": len(asked), "error": error, **asdict(found), "written": path}
        face.print_json(report | {"seconds": round(time.perf_counter() - began, 3)})
        return
    face.console.print(
        f"answered {found.answered:.1%} of {len(asked)} questions, wrongly {found.wrong:.1%}"
        f" ({found.wrong_of_answered:.1%} of the answers)",
        markup=False,
    )
    where = f"wrote {path}" if path else f"\n[ask]\nabstain_below = {line}"
    face.console.print(where, markup=False)
