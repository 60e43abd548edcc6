"""nDCG@10 of keyword search, dense search, reciprocal rank fusion and the default, on BEIR sets.

    python evals/benchmarks/retrieval.py FOLDER[:SPLIT]... [--home DIR]

The split is `test` where none is named. With --home, the embedded corpora are kept for the next run.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from ragent.config import load_settings
from ragent.rag import Rag
from ragent.types import SearchMode
from ragent_evals.estimates import Estimate
from ragent_evals.metrics.retrieval.trec import measure
from ragent_evals.running.retrieval import cache_name, ingest_corpus, run_queries
from ragent_evals.sets.beir import BeirSet, read_beir

_DEPTH = 10
_COLUMNS: dict[str, tuple[SearchMode, dict[str, Any]]] = {
    "keyword": ("keyword", {}),
    "dense": ("dense", {}),
    "RRF 60": ("hybrid", {"fusion": "rrf"}),
    "default": ("hybrid", {}),
}


def main() -> None:
    """Print one row a set, and the mean of all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="+", metavar="FOLDER[:SPLIT]")
    parser.add_argument("--home", type=Path)
    arguments = parser.parse_args()
    print(f"{'set':24}" + "".join(f"{name:>10}" for name in _COLUMNS) + "   95 % of default   queries")
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in arguments.sets:
            folder, _, split = name.partition(":")
            beir = read_beir(Path(folder), split or "test")
            estimates = _estimates(beir, arguments.home or Path(scratch))
            rows.append([estimate.value for estimate in estimates.values()])
            default = estimates["default"]
            print(
                _row(beir.name, rows[-1])
                + f"    {default.low:.3f} to {default.high:.3f}{len(beir.queries):10}"
            )
    print(_row("mean", [sum(column) / len(rows) for column in zip(*rows, strict=True)]))


def _estimates(beir: BeirSet, home: Path) -> dict[str, Estimate]:
    estimates = {}
    for name, (mode, retrieval) in _COLUMNS.items():
        settings = load_settings(retrieval=retrieval)
        settings = settings.model_copy(update={"collection": cache_name(beir, settings)})
        with Rag(home, settings) as rag:
            ingest_corpus(rag, beir, lambda _: None)
            run = run_queries(rag, beir, _DEPTH, mode)
        estimates[name] = measure(run, beir.qrels, _DEPTH)["ndcg@10"]
    return estimates


def _row(name: str, values: list[float]) -> str:
    return f"{name:24}" + "".join(f"{value:10.4f}" for value in values)


if __name__ == "__main__":
    main()
