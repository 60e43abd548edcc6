"""`ragent eval new`: begin a set with the questions that people asked."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ragent.cli.face import CollectionOption, Face, HomeOption, JsonOption
from ragent.errors import EvalError


class Rating(StrEnum):
    """What people thought."""

    UP = "up"
    DOWN = "down"
    NONE = "none"


_RATINGS = {Rating.UP: 1, Rating.DOWN: -1, Rating.NONE: 0}


def new(
    context: typer.Context,
    out: Annotated[Path, typer.Argument(metavar="OUT.jsonl", help="A new file.", show_default=False)],
    rating: Annotated[
        list[Rating] | None, typer.Option("--rating", help="Only questions whose answers got this.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Only later ones: 30m, 2h, 7d, or 2025-03-01[T14:00]."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="So many cases at most, the newest.")
    ] = None,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Begin a set with the questions that people asked of the collection in use.

    A correction that somebody gave is the expected answer. Where they liked the answer, its quote is. What
    they disliked, or said nothing of, is marked `to_label`: write what is right into `answers`, or set
    `is_impossible`, and take the mark away. Until then such a case is left out of every run. Questions that
    nobody judged are known from traces, if trace.content is on. The same question is one case.
    """
    from ragent.cli.since import moment
    from ragent_evals.sets.asked import begin_set
    from ragent_evals.sets.writing import write_lines

    face = Face(context, home, collection, as_json)
    if out.exists():
        raise EvalError(f"{out} is there already", hint="name a new file: labels are work, and would be lost")
    ratings = [_RATINGS[each] for each in rating or ()]
    with face.rag() as rag:
        begun = begin_set(rag, ratings, moment(since) if since else None, limit)
    if not begun.lines:
        raise EvalError(
            "nobody asked anything that is kept",
            hint="`rag.feedback(answer, 1)` keeps what people think, [trace] content = true what they ask",
        )
    write_lines(out, begun.lines)
    if face.as_json:
        counts = {"cases": len(begun.lines), "to_label": begun.to_label, "asked": begun.asked}
        face.print_json({"set": out, **counts, "sources": begun.sources})
        return
    told = ", ".join(f"{count} {name}" for name, count in begun.sources.items() if count)
    face.console.print(
        f"wrote {len(begun.lines)} cases of {begun.asked} questions asked ({told}) to {out}", markup=False
    )
    if begun.to_label:
        face.messages.print(f"{begun.to_label} wait for an answer: look for to_label in {out}", markup=False)
