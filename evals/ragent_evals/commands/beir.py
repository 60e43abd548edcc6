"""`ragent eval beir`: measure retrieval on a set in the BEIR layout."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragent.cli.face import CollectionOption, Face, HomeOption, JsonOption
from ragent.cli.search import Mode
from ragent_evals.commands.running import (
    CacheOption,
    FreshOption,
    NameOption,
    print_figures,
    told,
    watched,
)

if TYPE_CHECKING:
    from ragent_evals.outcome import Found
    from ragent_evals.running.runner import RunReport


def beir(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(help="corpus.jsonl, queries.jsonl and qrels/.", show_default=False)
    ],
    split: Annotated[str, typer.Option(help="Which qrels/SPLIT.tsv.")] = "test",
    k: Annotated[int, typer.Option("-k", "--k", min=1, help="How many documents a query.")] = 100,
    mode: Annotated[Mode | None, typer.Option("--mode", help="Which engines search \\[hybrid].")] = None,
    run: Annotated[
        Path | None, typer.Option("--run", metavar="FILE", help="The TREC run [HOME/runs/SET-SPLIT.trec].")
    ] = None,
    name: NameOption = "",
    fresh: FreshOption = False,
    no_cache: CacheOption = False,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure retrieval on a set in the BEIR layout.

    The corpus goes into a collection of its own, named by its contents and the settings: a second run finds
    it there. What was found is kept as `ragent eval run` keeps it, so that runs can be compared.
    """
    from ragent.retrieval import write_scores
    from ragent_evals.running.reading import read_kept
    from ragent_evals.running.retrieval import cache_name, ingest_corpus
    from ragent_evals.running.runner import RunOptions, run_on
    from ragent_evals.running.texts import Ground
    from ragent_evals.sets.beir import read_beir
    from ragent_evals.sets.opening import open_set

    face = Face(context, home, collection, as_json)
    began = time.perf_counter()
    beir_set, eval_set = read_beir(folder, split), open_set(folder, split)
    wanted = tuple(metric for metric in _METRICS if int(metric.partition("@")[2]) <= k)
    options = RunOptions(name=name, split=split, depth=k, metrics=wanted, fresh=fresh, cached=not no_cache)
    with face.rag(**({"retrieval": {"mode": mode.value}} if mode else {})) as configured:
        settings = configured.settings
        if face.collection is None:
            settings = settings.model_copy(update={"collection": cache_name(beir_set, settings)})
        with configured.with_settings(settings) as rag:
            with face.messages.status("reading") as status:
                empty = ingest_corpus(
                    rag, beir_set, lambda now: status.update(f"ingesting {now.done} of {now.total} documents")
                )
            with watched(face, options) as watching:
                report = run_on(Ground(rag, eval_set.corpus, "beir:"), eval_set, watching)
            path = run or configured.home / "runs" / f"{beir_set.name}-{split}.trec"
            if report.is_finished:
                outcomes = read_kept(rag.store, report.run).outcomes
                write_scores(path, {each.case_id: _scores(each.found) for each in outcomes})
    report = replace(report, seconds=round(time.perf_counter() - began, 3))
    more = {"run": path, "record": report.run, "documents": len(beir_set.lines), "empty": empty}
    if report.is_finished and not face.as_json:
        _print(face, report, more)
    else:
        told(face, report, more)


_METRICS = ("ndcg@10", "recall@10", "recall@100", "mrr@10")


def _scores(found: Iterable[Found]) -> dict[str, float]:
    return {each.text_id: each.score for each in found}


def _print(face: Face, report: RunReport, more: Mapping[str, Any]) -> None:
    print_figures(face, report.metrics)
    face.console.print(
        f"{report.set} ({report.split}): {report.cases} queries over {more['documents']} documents "
        f"({more['empty']} empty) in {report.seconds:.1f} s; run in {more['run']}, kept as {report.run[:8]}",
        markup=False,
    )
