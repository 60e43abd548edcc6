"""`ragent sync`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from ragent.cli.face import CollectionOption, Face, HomeOption, JsonOption, display_uri
from ragent.cli.ingest import AddressOption, EngineOption, ReportOption, engine_settings, run_reporting

if TYPE_CHECKING:
    from ragent.types import DocumentReport


def sync(
    context: typer.Context,
    delete: Annotated[
        bool, typer.Option("--delete", help="Remove documents whose file is no longer there.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be done; write nothing.")
    ] = False,
    report_path: ReportOption = None,
    engine: EngineOption = None,
    address: AddressOption = None,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring everything that was ingested up to date: new, changed, moved and deleted files.

    What is unchanged costs no more than a look at the file's size and time.
    """
    face = Face(context, home, collection, as_json)

    def show(document: DocumentReport) -> None:
        if dry_run and not as_json and document.status not in ("unchanged", "failed"):
            was = document.detail.removeprefix("was ")
            detail = f" ({display_uri(was)} before)" if document.status == "moved" else ""
            kept = " (kept without --delete)" if document.status == "gone" else ""
            face.console.print(f"{document.status:9} {display_uri(document.uri)}{detail}{kept}", markup=False)

    with face.rag(**engine_settings(engine, address)) as rag:
        if dry_run:
            face.messages.print("a dry run: nothing is written")
        run_reporting(face, rag, partial(rag.sync, delete=delete, dry_run=dry_run), report_path, show)
