"""What each reranker changes in nDCG@10, and the CPU time that it takes, on BEIR sets.

    python evals/benchmarks/reranking.py FOLDER[:SPLIT]... [--home DIR] [--queries N] [--rerank A+B]...

The split is `test` where none is named. `A+B` is a chain of rerankers; `none` is the default search, and
`plain` the same without `[retrieval] affinity`. Differences are from `plain`, over the same queries, with a
paired bootstrap interval. Time is CPU time of this process beside that of `plain`, and includes whatever a
reranker computes on its first sight of a passage. With --home, the embedded corpora are kept.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
from numpy.typing import NDArray

from ragent.config import load_settings
from ragent.rag import Rag
from ragent_evals.estimates import interval
from ragent_evals.running.retrieval import cache_name, documents, ingest_corpus
from ragent_evals.sets.beir import BeirSet, read_beir, uri_of

_DEPTH = 10
_CHUNKS = 30
_PLAIN: dict[str, Any] = {"affinity": 0.0}


def main() -> None:
    """Print one row a set and chain."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="+", metavar="FOLDER[:SPLIT]")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--queries", type=int, default=0, help="so many, evenly spread; 0: all")
    parser.add_argument("--rerank", action="append", metavar="A+B")
    arguments = parser.parse_args()
    chains = arguments.rerank or ["none", "maxsim", "mmr", "dpp"]
    print(
        f"{'set':20} {'rerankers':24} {'nDCG@10':>8}   95 %             difference   95 %            CPU ms"
    )
    with tempfile.TemporaryDirectory() as scratch:
        for name in arguments.sets:
            folder, _, split = name.partition(":")
            beir = _some(read_beir(Path(folder), split or "test"), arguments.queries)
            before, spent = _measured(beir, arguments.home or Path(scratch), "plain")
            _print(beir, "plain", before, before, spent)
            for chain in chains:
                values, took = _measured(beir, arguments.home or Path(scratch), chain)
                _print(beir, chain, values, values - before, took - spent)


def _some(beir: BeirSet, count: int) -> BeirSet:
    ids = list(beir.queries)
    if count and count < len(ids):
        ids = [ids[i * len(ids) // count] for i in range(count)]
    return replace(
        beir, queries={i: beir.queries[i] for i in ids}, qrels={i: dict(beir.qrels[i]) for i in ids}
    )


def _measured(beir: BeirSet, home: Path, chain: str) -> tuple[NDArray[np.float64], float]:
    """nDCG@10 of each query, and CPU milliseconds a query."""
    retrieval = _PLAIN if chain == "plain" else {}
    settings = load_settings(retrieval=retrieval)
    rerank = () if chain in ("plain", "none") else tuple(chain.split("+"))
    names = {uri_of(id_): id_ for id_ in beir.lines}
    run: dict[str, dict[str, float]] = {}
    with Rag(home, settings.model_copy(update={"collection": cache_name(beir, settings)})) as rag:
        ingest_corpus(rag, beir, lambda _: None)
        rag.search("warm up", 1)
        began = time.process_time()
        for id_, text in beir.queries.items():
            run[id_] = documents(rag.search(text, _CHUNKS, rerank=rerank), _DEPTH, names)
        spent = time.process_time() - began
    rows = {id_: row for row, id_ in enumerate(beir.queries)}
    values = np.zeros(len(rows))
    for found in ir_measures.iter_calc([ir_measures.nDCG @ _DEPTH], beir.qrels, run):
        values[rows[found.query_id]] = found.value
    return values, 1000 * spent / len(rows)


def _print(
    beir: BeirSet, chain: str, values: NDArray[np.float64], change: NDArray[np.float64], cpu: float
) -> None:
    low, high = (float(bound[0]) for bound in interval(values[:, None]))
    row = f"{beir.name:20} {chain:24} {values.mean():8.4f}   {low:.3f} to {high:.3f}"
    if chain != "plain":
        low, high = (float(bound[0]) for bound in interval(change[:, None]))
        row += f"   {change.mean():+10.4f}   {low:+.3f} to {high:+.3f}"
    else:
        row += " " * 32
    print(f"{row} {cpu:9.1f}", flush=True)


if __name__ == "__main__":
    main()
