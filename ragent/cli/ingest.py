"""`ragent ingest`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from ragent.cli.face import (
    FAILED,
    INTERRUPTED,
    PARTLY_FAILED,
    CollectionOption,
    Face,
    HomeOption,
    JsonOption,
    display_uri,
)

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from ragent.ingest import Progress
    from ragent.types import IngestReport


def ingest(
    context: typer.Context,
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Files and folders to read.")],
    force: Annotated[bool, typer.Option("--force", help="Read again even what is unchanged.")] = False,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read documents into a collection. Unchanged files are skipped, so run it again whenever you like.

    A file that can't be read is reported and stops nothing (exit code 3). Ctrl-C finishes the batch in hand;
    the same command goes on from there.
    """
    face = Face(context, home, collection, as_json)
    with face.rag() as rag, _stopping(face) as should_stop, _bars(face) as bars:
        task = bars.add_task("starting", total=None, chunks=0)

        def show(progress: Progress) -> None:
            name = display_uri(progress.uri).rpartition("/")[2] or "committed"
            bars.update(
                task,
                completed=progress.done,
                total=progress.total,
                description=name[:40],
                chunks=progress.chunks,
            )

        report = rag.ingest(*paths, force=force, on_progress=show, should_stop=should_stop)
        if report.added or report.updated:
            indexing = bars.add_task("indexing", total=None, chunks=0)
            rag.refresh_indexes(
                lambda done, total: bars.update(indexing, completed=done, total=total, chunks=done)
            )
    _print_report(face, report)
    sys.exit(_exit_code(report))


def _print_report(face: Face, report: IngestReport) -> None:
    if face.as_json:
        face.print_json(asdict(report))
        return
    for failure in report.failed:
        face.messages.print(f"[red]failed[/red] {display_uri(failure.uri)}: {failure.error}", markup=True)
    face.console.print(
        f"{report.added} added, {report.updated} updated, {report.unchanged} unchanged, "
        f"{len(report.failed)} failed: {report.chunks} chunks in {report.seconds:.1f} s"
    )
    if report.interrupted:
        face.messages.print("Stopped after a whole batch. Run the same command to go on.")


def _exit_code(report: IngestReport) -> int:
    if report.interrupted:
        return INTERRUPTED
    if not report.failed:
        return 0
    return PARTLY_FAILED if report.added + report.updated + report.unchanged else FAILED


@contextmanager
def _stopping(face: Face) -> Iterator[Callable[[], bool]]:
    """While inside, the first Ctrl-C asks to stop after the batch; a second one stops at once."""
    asked = False

    def ask(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        face.messages.print("finishing the batch; Ctrl-C again stops at once")

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _bars(face: Face) -> Iterator[Bars]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description:<40}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[chunks]} chunks"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=face.messages, transient=True) as bars:
        yield bars
