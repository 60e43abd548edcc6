"""`ragent eval tune`: fit the weights of fusion to a set."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ragent.cli.face import CollectionOption, Face, HomeOption, JsonOption
from ragent.config import CONFIG_NAME
from ragent.errors import EvalError
from ragent.types import QueryKind


def tune(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(help="corpus.jsonl, queries.jsonl and qrels/.", show_default=False)
    ],
    split: Annotated[str, typer.Option(help="Which qrels/SPLIT.tsv; not the test split.")] = "train",
    write: Annotated[bool, typer.Option("--write", help="Write the weights to ragent.toml.")] = False,
    home: HomeOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit the weights of meaning against words to a set, and say what they gain on queries they didn't see.

    The corpus goes into a collection of its own, as for `ragent eval beir`.
    """
    from ragent.config import find_config
    from ragent.rag import Rag
    from ragent_evals.running.retrieval import cache_name, ingest_corpus
    from ragent_evals.sets.beir import read_beir
    from ragent_evals.tuning.settings_file import write_settings
    from ragent_evals.tuning.weights import Weights, judge
    from ragent_evals.tuning.weights import tune as tune_weights

    if "test" in split.lower():
        raise EvalError(
            f"the split {split!r} is there to test: weights fitted to it would make its figures worthless",
            hint="--split train, or dev",
        )
    began = time.perf_counter()
    face = Face(context, home, collection, as_json)
    beir_set = read_beir(folder, split)
    with face.rag() as configured:
        settings = configured.settings
    if face.collection is None:
        settings = settings.model_copy(update={"collection": cache_name(beir_set, settings)})
    with Rag(configured.home, settings) as rag, face.messages.status("reading") as status:
        ingest_corpus(
            rag, beir_set, lambda now: status.update(f"ingesting {now.done} of {now.total} documents")
        )
        status.update("searching")
        judged = judge(rag, beir_set)
    now = Weights(settings.retrieval.dense_weight, dict(settings.retrieval.dense_weights))
    tuned = tune_weights(judged, now)
    values = {
        "dense_weight": f"{tuned.weights.dense_weight:g}",
        "dense_weights": _inline(tuned.weights.dense_weights),
    }
    path = (face.config or find_config(configured.home) or configured.home / CONFIG_NAME) if write else None
    if path:
        write_settings(path, "retrieval", values)
    report = {
        "set": beir_set.name,
        "split": split,
        "cases": len(beir_set.queries),
        "kinds": tuned.kinds,
        "metrics": {"before": tuned.before, "after": tuned.after, "gain": tuned.gain},
        "weights": {"dense_weight": tuned.weights.dense_weight, "dense_weights": tuned.weights.dense_weights},
        "seconds": round(time.perf_counter() - began, 3),
        "written": path,
    }
    if face.as_json:
        face.print_json(report)
    else:
        _print_tuned(face, report, values)


def _inline(weights: Mapping[QueryKind, float]) -> str:
    return "{" + ", ".join(f"{kind} = {weight:g}" for kind, weight in weights.items()) + "}"


def _print_tuned(face: Face, report: Mapping[str, Any], values: Mapping[str, str]) -> None:
    from rich.table import Table

    table = Table("nDCG@10", "value", "95 % interval", box=None)
    for name, estimate in report["metrics"].items():
        table.add_row(name, f"{estimate.value:.4f}", f"{estimate.low:.4f} to {estimate.high:.4f}")
    face.console.print(table)
    kinds = ", ".join(f"{count} {kind}" for kind, count in report["kinds"].items())
    face.console.print(
        f"{report['cases']} queries ({kinds}); after: cross-validated in five parts", markup=False
    )
    if report["metrics"]["gain"].low <= 0:
        face.messages.print("the gain may be chance: its interval holds zero", style="yellow")
    if report["written"]:
        face.console.print(f"wrote {report['written']}", markup=False)
    else:
        lines = "".join(f"\n{key} = {value}" for key, value in values.items())
        face.console.print(f"\n[retrieval]{lines}", markup=False)
