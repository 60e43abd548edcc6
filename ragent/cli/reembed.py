"""`ragent reembed`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ragent.cli.face import INTERRUPTED, CollectionOption, Face, HomeOption, JsonOption
from ragent.cli.ingest import bars, stopping


def reembed(
    context: typer.Context,
    abandon: Annotated[
        bool, typer.Option("--abandon", help="Instead drop what an interrupted run has made so far.")
    ] = False,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Embed a collection anew with the embedder that the settings name, without reading its files again.

    Needed after a change of the embedder in ragent.toml. Searches and ingestions with the settings of before
    go on meanwhile; all new vectors take over at once, at the end. Ctrl-C finishes the batch in hand (exit
    code 130), and the same command goes on from there, as it does after a crash. Passages that are longer
    than the new embedder reads are refused, for it would cut them.
    """
    face = Face(context, home, collection, as_json)
    with face.rag() as rag:
        if abandon:
            dropped = rag.abandon_reembedding()
            if face.as_json:
                face.print_json({"collection": rag.settings.collection, "dropped": dropped})
            else:
                face.console.print(f"dropped {dropped} vectors of a re-embedding that was not finished")
            return
        with stopping(face) as should_stop, bars(face) as shown:
            task = shown.add_task("embedding", total=None, notes="")

            def show(done: int, total: int) -> None:
                shown.update(task, completed=done, total=total)

            report = rag.reembed(on_progress=show, should_stop=should_stop)
            if report.chunks and not report.interrupted:
                indexing = shown.add_task("indexing", total=None, notes="")
                rag.refresh_indexes(lambda done, total: shown.update(indexing, completed=done, total=total))
    if face.as_json:
        face.print_json(report)
    else:
        face.console.print(
            f"{report.collection}: {report.chunks} chunks by {report.model}, {report.embedded} embedded, "
            f"{report.reused} reused, in {report.seconds:.1f} s",
            markup=False,
        )
    if report.interrupted:
        face.messages.print("Stopped after a whole batch. Run the same command to go on.")
        sys.exit(INTERRUPTED)
