"""`ragent eval beir`: measure retrieval on a set in the BEIR layout."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ragent.cli.face import CollectionOption, Face, HomeOption, JsonOption
from ragent.cli.search import Mode


def beir(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(help="corpus.jsonl, queries.jsonl and qrels/.", show_default=False)
    ],
    split: Annotated[str, typer.Option(help="Which qrels/SPLIT.tsv.")] = "test",
    k: Annotated[int, typer.Option("-k", "--k", min=1, help="How many documents a query.")] = 100,
    mode: Annotated[Mode | None, typer.Option("--mode", help="Which engines search [hybrid].")] = None,
    run: Annotated[
        Path | None, typer.Option("--run", metavar="FILE", help="The TREC run [HOME/runs/SET-SPLIT.trec].")
    ] = None,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure retrieval on a set in the BEIR layout.

    The corpus goes into a collection of its own, named by its contents and the settings: a second run finds
    it there.
    """
    from ragent.rag import Rag
    from ragent.retrieval import write_scores
    from ragent_evals.metrics.retrieval.trec import measure
    from ragent_evals.running.retrieval import cache_name, ingest_corpus, run_queries
    from ragent_evals.sets.beir import read_beir

    began = time.perf_counter()
    face = Face(context, home, collection, as_json)
    beir_set = read_beir(folder, split)
    with face.rag() as configured:
        settings = configured.settings
    if face.collection is None:
        settings = settings.model_copy(update={"collection": cache_name(beir_set, settings)})
    with Rag(configured.home, settings) as rag, face.messages.status("reading") as status:
        empty = ingest_corpus(
            rag, beir_set, lambda now: status.update(f"ingesting {now.done} of {now.total} documents")
        )
        status.update("searching")
        scores = run_queries(rag, beir_set, k, mode.value if mode else None)
    path = run or configured.home / "runs" / f"{beir_set.name}-{split}.trec"
    write_scores(path, scores)
    report = {
        "set": beir_set.name,
        "split": split,
        "cases": len(scores),
        "metrics": measure(scores, beir_set.qrels, k),
        "seconds": round(time.perf_counter() - began, 3),
        "run": path,
        "documents": len(beir_set.lines),
        "empty": empty,
    }
    if face.as_json:
        face.print_json(report)
    else:
        _print(face, report)


def _print(face: Face, report: Mapping[str, Any]) -> None:
    from rich.table import Table

    table = Table("measure", "value", "95 % interval", box=None)
    for name, estimate in report["metrics"].items():
        table.add_row(name, f"{estimate.value:.4f}", f"{estimate.low:.4f} to {estimate.high:.4f}")
    face.console.print(table)
    face.console.print(
        f"{report['set']} ({report['split']}): {report['cases']} queries over {report['documents']} "
        f"documents ({report['empty']} empty) in {report['seconds']:.1f} s; run in {report['run']}",
        markup=False,
    )
