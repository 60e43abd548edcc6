"""`ragent watch`."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from ragent.cli.face import CollectionOption, Face, HomeOption, JsonOption, display_uri
from ragent.cli.ingest import DuplicatesOption, ExcludeOption, IncludeOption, ingest_settings

if TYPE_CHECKING:
    from ragent.types import DocumentReport, IngestReport


def watch(
    context: typer.Context,
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Files and folders to follow.")],
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    delete: Annotated[
        bool, typer.Option("--delete", help="Remove documents whose file is no longer there.")
    ] = False,
    skip_duplicates: DuplicatesOption = False,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep a collection in step with folders, until Ctrl-C. With --json, one report a line."""
    from ragent.ingest.choosing import with_globs

    face = Face(context, home, collection, as_json)
    stop = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            signal.default_int_handler(_number, _frame)
        stop.set()

    def show(document: DocumentReport) -> None:
        if not face.as_json and document.status not in ("unchanged", "gone"):
            detail = f": {document.detail}" if document.detail else ""
            face.console.print(f"{document.status:9} {display_uri(document.uri)}{detail}", markup=False)

    def tell(report: IngestReport) -> None:
        if face.as_json:
            face.print_json(report)
        elif not stop.is_set():
            face.messages.print(f"in step ({report.seconds:.1f} s); Ctrl-C ends")

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with face.rag(**ingest_settings(skip_duplicates=skip_duplicates)) as rag:
            chosen = [with_globs(path, include or (), exclude or ()) for path in paths]
            rag.watch(*chosen, delete=delete, stop=stop, on_report=tell, on_document=show)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        sys.stdout.flush()
