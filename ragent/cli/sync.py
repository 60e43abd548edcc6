"""`ragent sync`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from ragent.cli.face import CollectionOption, Face, HomeOption, JsonOption, display_uri
from ragent.cli.ingest import (
    AddressOption,
    DuplicatesOption,
    EngineOption,
    ReportOption,
    ingest_settings,
    run_reporting,
)

if TYPE_CHECKING:
    from ragent.types import DocumentReport


def sync(
    context: typer.Context,
    delete: Annotated[
        bool, typer.Option("--delete", help="Remove documents whose file is no longer there.")
    ] = False,
    delete_all: Annotated[
        bool,
        typer.Option(
            "--delete-all", help="Like --delete, even where a source lists nothing at all any more."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be done; write nothing.")
    ] = False,
    skip_duplicates: DuplicatesOption = False,
    report_path: ReportOption = None,
    engine: EngineOption = None,
    address: AddressOption = None,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring everything that was ingested up to date: new, changed, moved and deleted files.

    What is unchanged costs no more than a look at the file's size and time. A source that lists nothing at
    all any more keeps its documents even with --delete: its disk may not be mounted.
    """
    face = Face(context, home, collection, as_json)

    def show(document: DocumentReport) -> None:
        if dry_run and not as_json and document.status not in ("unchanged", "failed"):
            was = document.detail.removeprefix("was ")
            detail = f" ({display_uri(was)} before)" if document.status == "moved" else ""
            option = "--delete-all" if delete else "--delete"
            kept = f" (kept without {option})" if document.status == "gone" else ""
            face.console.print(f"{document.status:9} {display_uri(document.uri)}{detail}{kept}", markup=False)

    with face.rag(**ingest_settings(engine, address, skip_duplicates=skip_duplicates)) as rag:
        if dry_run:
            face.messages.print("a dry run: nothing is written")
        run = partial(rag.sync, delete=delete, delete_all=delete_all, dry_run=dry_run)
        run_reporting(face, rag, run, report_path, show)
