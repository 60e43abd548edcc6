"""`ragent eval prefer`: have a model write pairs of answers of which one is better, to tune models by."""

from __future__ import annotations

import time
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ragent.cli.face import Face, HomeOption, JsonOption


class Layout(StrEnum):
    """How prompts and answers stand in the file."""

    conversational = "conversational"
    standard = "standard"


def prefer(
    context: typer.Context,
    questions: Annotated[
        Path,
        typer.Argument(
            metavar="SET",
            help="An eval set, JSON Lines with a `question` each, or a text with one a line.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the pairs go, as JSON Lines.")],
    principles: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What good answers keep to \\[five that come with ragent]."),
    ] = None,
    margin: Annotated[
        float, typer.Option(min=0, max=1, help="Pairs that the judge is less sure of are dropped.")
    ] = 0.1,
    layout: Annotated[
        Layout, typer.Option(help="Lists of messages, or plain texts; both as TRL reads them.")
    ] = Layout.conversational,
    max_tokens: Annotated[
        int, typer.Option(min=1, help="The longest answer; what reaches it is dropped.")
    ] = 256,
    temperature: Annotated[float, typer.Option(min=0, help="0: always the likeliest word.")] = 0.7,
    seed: Annotated[int, typer.Option(help="The same one gives the same pairs.")] = 0,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="Only the first N questions.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write preference pairs as a data set, for RLAIF or DPO elsewhere.

    The model answers each question, says how its answer falls short of a principle, and writes it anew. Then
    it judges, in both orders, which of the two keeps the principle better. Pairs where the order decides, or
    whose margin is small, are dropped and counted. FILE.manifest.json says by which models, prompts,
    principles and seed they were made. Ctrl-C writes what there is.
    """
    from ragent import __version__
    from ragent.types import Sampling
    from ragent_evals.commands.judge import identity
    from ragent_evals.judging.exporting import write_pairs
    from ragent_evals.judging.preferring import Critic, Dropped, Pair, Setup, read_questions
    from ragent_evals.judging.principles import read_principles
    from ragent_evals.judging.remembering import StoredVerdicts

    began = time.perf_counter()
    face = Face(context, home, None, as_json)
    asked = read_questions(questions)[:limit]
    kept_to = read_principles(principles)
    found: list[Pair | Dropped] = []
    with face.rag() as rag, face.messages.status("reading the model") as status:
        sampling = Sampling(max_tokens=max_tokens, temperature=temperature, seed=seed)
        judge = identity(rag)
        setup = Setup(kept_to, sampling, margin, rag.home / "prompts", judge, StoredVerdicts(rag.store))
        critic = Critic(rag.llm, rag.llm, setup)
        about = {
            "ragent": __version__,
            "model": rag.llm.name,
            "judge": judge,
            "prompts": [asdict(prompt) for prompt in critic.prompts],
            "principles": [asdict(principle) for principle in kept_to],
            "sampling": asdict(sampling),
            "least_margin": margin,
            "asked": len(asked),
        }
        try:
            for one in critic.pairs(asked):
                found.append(one)
                status.update(f"{len(found)} of {len(asked)} questions")
        finally:
            written = write_pairs(out, found, about, conversational=layout is Layout.conversational)
    if face.as_json:
        report = {**asdict(written), "questions": len(asked)}
        face.print_json({**report, "seconds": round(time.perf_counter() - began, 3)})
        return
    dropped = ", ".join(f"{count} {reason}" for reason, count in written.dropped.items())
    face.console.print(
        f"{written.kept} pairs of {len(asked)} questions in {written.path}; the revision was chosen in"
        f" {written.revised}; dropped: {dropped or 'none'}",
        markup=False,
    )
