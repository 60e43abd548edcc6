"""`ragent ingest`, and what it shares with `ragent sync`: bars, reports, exit codes."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

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
from ragent.config import SECRET_PREFIX

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from ragent.ingest import Progress
    from ragent.rag import Rag
    from ragent.types import DocumentReport, IngestReport


class Engine(StrEnum):
    """Where documents are read and embedded."""

    local = "local"
    ray = "ray"


ReportOption = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE", help="Write each document's status to FILE.html or FILE.json."),
]

_PASSWORDS = SECRET_PREFIX + "PDF"
IncludeOption = Annotated[
    list[str] | None,
    typer.Option("--include", metavar="GLOB", help="Only such files of a folder; as often as needed."),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="GLOB", help="No such files of a folder; as often as needed."),
]
DuplicatesOption = Annotated[
    bool, typer.Option("--skip-duplicates", help="Leave out what repeats another document, or nearly so.")
]
PasswordOption = Annotated[
    list[str] | None,
    typer.Option(
        "--password",
        metavar="WORD",
        help="Tried on encrypted PDFs; as often as needed. Kept nowhere: RAGENT_SECRET_PDF does the same.",
        show_default=False,
    ),
]
EngineOption = Annotated[
    Engine | None,
    typer.Option("--engine", help="Where to read and embed (default: local).", show_default=False),
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="HOST:PORT",
        help="With --engine ray: a running cluster (default: one of its own).",
    ),
]


def ingest(
    context: typer.Context,
    paths: Annotated[list[str], typer.Argument(metavar="PATH|URL...", help="Files, folders, URLs to read.")],
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    force: Annotated[bool, typer.Option("--force", help="Read again even what is unchanged.")] = False,
    skip_duplicates: DuplicatesOption = False,
    password: PasswordOption = None,
    report_path: ReportOption = None,
    engine: EngineOption = None,
    address: AddressOption = None,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read documents into a collection. Unchanged files are skipped, so run it again whenever you like.

    A file that can't be read is reported and stops nothing (exit code 3). Ctrl-C finishes the batch in hand;
    the same command goes on from there. Globs are written as in .gitignore, and remembered for `sync`.
    """
    from ragent.ingest.choosing import with_globs

    if password:
        # The readers are processes of their own, and have it from there.
        os.environ[_PASSWORDS] = "\n".join([*password, os.environ.get(_PASSWORDS, "")])
    face = Face(context, home, collection, as_json)
    with face.rag(**ingest_settings(engine, address, skip_duplicates=skip_duplicates)) as rag:
        chosen = [with_globs(path, include or (), exclude or ()) for path in paths]
        run_reporting(face, rag, partial(rag.ingest, *chosen, force=force), report_path)


def ingest_settings(
    engine: Engine | None = None, address: str | None = None, *, skip_duplicates: bool = False
) -> dict[str, Any]:
    """The settings that the options ask for."""
    asked = {
        "engine": engine.value if engine else None,
        "ray_address": address,
        "duplicates": "skip" if skip_duplicates else None,
    }
    ingest = {name: value for name, value in asked.items() if value is not None}
    return {"ingest": ingest} if ingest else {}


def run_reporting(
    face: Face,
    rag: Rag,
    run: Callable[..., IngestReport],
    report_path: Path | None = None,
    on_document: Callable[[DocumentReport], None] = lambda _: None,
) -> NoReturn:
    """Ingest or sync by `run`, with bars, a report, and the right exit code."""
    from ragent.ingest.reporting import check_report_path, write_report

    documents: list[DocumentReport] = []
    if report_path:
        check_report_path(report_path)

    def note(document: DocumentReport) -> None:
        if report_path:
            documents.append(document)
        on_document(document)

    with stopping(face) as should_stop, bars(face) as shown:
        show = _Show(shown)
        report = run(on_progress=show.progress, should_stop=should_stop, on_document=note)
        if report.added or report.updated:
            rag.refresh_indexes(show.indexing)
    if report_path:
        write_report(report_path, report, documents)
    print_report(face, report)
    sys.exit(_exit_code(report))


class _Show:
    """Progress as bars: how far, how fast, how long to go."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task = bars.add_task("starting", total=None, notes="")
        self._began = time.monotonic()
        self._indexing: TaskID | None = None

    def progress(self, progress: Progress) -> None:
        name = display_uri(progress.uri).rpartition("/")[2] or "committed"
        rate = progress.done / max(time.monotonic() - self._began, 1e-3)
        notes = f"{progress.chunks} chunks, {rate:.1f} files/s"
        self._bars.update(
            self._task, completed=progress.done, total=progress.total, description=name[:40], notes=notes
        )

    def indexing(self, done: int, total: int) -> None:
        if self._indexing is None:
            self._indexing = self._bars.add_task("indexing", total=None, notes="")
        self._bars.update(self._indexing, completed=done, total=total)


def print_report(face: Face, report: IngestReport) -> None:
    """The report as JSON, or in words."""
    if face.as_json:
        face.print_json(asdict(report))
        return
    for failure in report.failed:
        face.messages.print(f"failed {display_uri(failure.uri)}: {failure.error}", markup=False, style="red")
    counts = [f"{report.added} added", f"{report.updated} updated", f"{report.unchanged} unchanged"]
    counts += [f"{report.moved} moved"] if report.moved else []
    counts += [f"{report.deleted} deleted"] if report.deleted else []
    counts += [f"{report.duplicates} duplicates"] if report.duplicates else []
    counts.append(f"{len(report.failed)} failed")
    face.console.print(f"{', '.join(counts)}: {report.chunks} chunks in {report.seconds:.1f} s")
    if report.interrupted:
        face.messages.print("Stopped after a whole batch. Run the same command to go on.")


def _exit_code(report: IngestReport) -> int:
    if report.interrupted:
        return INTERRUPTED
    if not report.failed:
        return 0
    done = report.added + report.updated + report.unchanged + report.moved + report.deleted
    return PARTLY_FAILED if done else FAILED


@contextmanager
def stopping(face: Face) -> Iterator[Callable[[], bool]]:
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
def bars(face: Face) -> Iterator[Bars]:
    """Bars that say what is done, how much of it, notes, and how long to go."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description:<40}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[notes]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=face.messages, transient=True) as shown:
        yield shown
