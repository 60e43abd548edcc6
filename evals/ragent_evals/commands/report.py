"""`ragent eval report`: what runs came to, to read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragent.cli.face import Face, HomeOption, JsonOption
from ragent_evals.commands.junit import JunitOption, MinOption, wanted_junit


def report(
    context: typer.Context,
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Ids, beginnings of ids, or names.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help="Where to write it [./report-RUN].", show_default=False),
    ] = None,
    metric: Annotated[
        str, typer.Option("--metric", help="By which metric cases are the worst \\[the run's first].")
    ] = "",
    worst: Annotated[
        int, typer.Option("--worst", min=0, metavar="N", help="How many of the worst cases.")
    ] = 20,
    junit: JunitOption = None,
    minimum: MinOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a report of runs: a page that loads nothing, Markdown, and the same facts as JSON.

    The first run is compared with each of the others, where they are of the same set; --junit is of the
    first. The files hold words of your documents, and `ragent forget` doesn't know of them.
    """
    from ragent_evals.comparing import shared_set_metrics
    from ragent_evals.metrics.metric import MetricContext
    from ragent_evals.reporting import Wanted, write
    from ragent_evals.running.reading import read_kept

    face = Face(context, home, None, as_json)
    wanted_tests = wanted_junit(junit, minimum)
    with face.rag() as rag, face.messages.status("writing the report"):
        kept = [read_kept(rag.store, reference) for reference in runs]
        figures = MetricContext({}, lambda: rag.embedder, lambda: rag.llm)
        wanted = Wanted(metric, worst, shared_set_metrics(kept, figures))
        written = write(kept, out or Path(f"report-{kept[0].id[:8]}"), wanted)
    if wanted_tests:
        wanted_tests.write(kept[0])
    if face.as_json:
        face.print_json({"runs": [run.id for run in kept], **_paths(written), "junit": junit})
    else:
        face.console.print(
            f"wrote {written.html}, {written.markdown.name}, {written.json.name}", markup=False
        )


def _paths(written: object) -> dict[str, Path]:
    return {name: getattr(written, name) for name in ("html", "markdown", "json")}
