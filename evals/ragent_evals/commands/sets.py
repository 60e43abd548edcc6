"""`ragent eval sets` and `ragent eval import`: what a set holds, and sets of others in our own layout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ragent.cli.face import Face, JsonOption


def sets(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="SET", help="A file or a folder.", show_default=False)],
    split: Annotated[
        str | None, typer.Option("--split", help="Of a BEIR folder, look at this split only.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a set holds: kinds, splits, slices, texts, its version, and what is odd about it.

    The layouts that are recognised: our own JSON Lines, BEIR folders, SQuAD, HotpotQA, RGB, schemas, and
    calls of functions as the Berkeley leaderboard has them. A set that names no splits is shown with those it
    can be parted into. One that can't be used is refused, with the reason.
    """
    from ragent_evals.sets.describing import describe

    face = Face(context, None, None, as_json)
    about = describe(path, split)
    if face.as_json:
        face.print_json(about)
        return
    for name, value in about.items():
        if value not in ("", {}, []):
            face.console.print(f"{name:11}{_told(value)}", markup=False)


def import_set(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A set in any layout.", show_default=False)],
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="A new folder.", show_default=False)],
    split: Annotated[str | None, typer.Option("--split", help="Only this split.")] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="So many cases, spread over the set.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a set of any layout in our own: cases.jsonl, and texts.jsonl if it brings texts.

    The version stays the same, so that runs over either can be compared.
    """
    from ragent_evals.sets.opening import open_set
    from ragent_evals.sets.writing import write_set

    face = Face(context, None, None, as_json)
    found = open_set(path, split, limit)
    write_set(found, to)
    if face.as_json:
        counts = {"cases": len(found.cases), "texts": len(found.texts), "version": found.version}
        face.print_json({"set": to, **counts})
    else:
        face.console.print(f"wrote {len(found.cases)} cases, {len(found.texts)} texts to {to}", markup=False)


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(
            f"{name} ({_told(part)})" if isinstance(part, dict) else f"{part} {name}"
            for name, part in value.items()
        )
    return "\n           ".join(value) if isinstance(value, list) else str(value)
