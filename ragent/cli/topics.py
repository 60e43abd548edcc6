"""`ragent topics`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragent.cli.face import CollectionOption, Face, HomeOption, JsonOption, display_uri

_EXCERPT = 110


def topics(
    context: typer.Context,
    count: Annotated[
        int | None,
        typer.Option("-n", "--count", min=1, help="How many topics \\[as many as tell passages apart best]."),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Draw a map there: a .svg or .html file.")
    ] = None,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the documents are about: groups of passages, and the words that tell each from the others."""
    from ragent.corpus.topics.plotting import write_map
    from ragent.corpus.topics.topics import find_topics

    face = Face(context, home, collection, as_json)
    with face.rag() as rag, face.messages.status("grouping"):
        found = find_topics(rag.store, rag.collection, count)
        names = {
            one.id: one.title or one.uri for one in rag.store.known_documents(rag.collection.id).values()
        }
    if plot:
        write_map(found, names, plot)
    if face.as_json:
        face.print_json({"topics": found.topics, "placed": found.placed})
        return
    for topic in found.topics:
        face.console.print(f"[bold]{topic.number}[/bold]  {', '.join(topic.words)}")
        face.console.print(f"   {topic.chunks} passages of {topic.documents} documents, such as", style="dim")
        for example in topic.examples:
            where = f"{display_uri(example.uri)}, characters {example.start}–{example.end}"
            face.console.print(f"   {where}", markup=False, style="cyan")
            face.console.print(f"     {' '.join(example.text.split())[:_EXCERPT]}", markup=False, style="dim")
    if plot:
        face.console.print(f"map in {plot}", markup=False)
