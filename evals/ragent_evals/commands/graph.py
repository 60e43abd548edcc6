"""`ragent eval graph`: measure what is read for the knowledge graph."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from ragent.cli.face import Face, JsonOption


def graph(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(help="JSON Lines of {document, quote, entities, relations}.", show_default=False),
    ],
    documents: Annotated[
        Path | None,
        typer.Option(
            "--documents", metavar="DIR", help="Where the documents are \\[documents/ beside FILE]."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the names and relations that `ragent graph build` reads, on passages that were read by hand.

    Every name of such a passage is in its `entities`, and all it says of two of them, as (source, label,
    target), in its `relations`: what is found besides counts as wrong. Documents are plain text.
    """
    from ragent_evals.metrics.graph import measure_extraction
    from ragent_evals.sets.facts import read_facts

    began = time.perf_counter()
    face = Face(context, None, None, as_json)
    passages = read_facts(file, documents or file.parent / "documents")
    metrics = measure_extraction(passages)
    seconds = round(time.perf_counter() - began, 3)
    if face.as_json:
        face.print_json({"set": file.stem, "cases": len(passages), "metrics": metrics, "seconds": seconds})
        return
    for name, of in metrics.items():
        face.console.print(f"{name.replace('_', ' '):<20} {of.value:.3f} ({of.low:.3f} to {of.high:.3f})")
    relations = sum(len(one.relations) for one in passages)
    face.console.print(f"{len(passages)} passages with {relations} relations", style="dim")
