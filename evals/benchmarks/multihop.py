"""recall@5, recall@10 and nDCG@10 of the default search and of each technique that needs no language model.

    python evals/benchmarks/multihop.py FOLDER[:SPLIT]... [--home DIR] [--techniques NAME,NAME] [--queries N]

The split is `test` where none is named. CPU is of the whole process, milliseconds a query, warm; the range is
the 95 % bootstrap of recall@5. With --home, the embedded corpora are kept for the next run.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from ragent.config import load_settings
from ragent.rag import Rag
from ragent_evals.estimates import interval
from ragent_evals.metrics.retrieval.trec import measure
from ragent_evals.running.retrieval import cache_name, documents, ingest_corpus
from ragent_evals.sets.beir import BeirSet, read_beir, uri_of

_TECHNIQUES = "multihop,prf,sentence-window,parent-document,time-decay"
_DEPTH = 10
_CHUNKS_A_DOCUMENT = 3


def main() -> None:
    """Print one row a technique and set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="+", metavar="FOLDER[:SPLIT]")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--techniques", default=_TECHNIQUES)
    parser.add_argument("--queries", type=int, help="only the first N")
    arguments = parser.parse_args()
    columns = ("recall@5", "95 %", "recall@10", "ndcg@10", "CPU ms")
    print(f"{'set':22}{'technique':18}" + "".join(f"{name:>16}" for name in columns))
    with tempfile.TemporaryDirectory() as scratch:
        for name in arguments.sets:
            folder, _, split = name.partition(":")
            beir = _first(read_beir(Path(folder), split or "test"), arguments.queries)
            _run(beir, arguments.home or Path(scratch), ["", *arguments.techniques.split(",")])


def _run(beir: BeirSet, home: Path, techniques: list[str]) -> None:
    settings = load_settings()
    settings = settings.model_copy(update={"collection": cache_name(beir, settings)})
    ids = {uri_of(id_): id_ for id_ in beir.lines}
    with Rag(home, settings) as rag:
        ingest_corpus(rag, beir, lambda _: None)
        for technique in techniques:
            used = [technique] if technique else []
            rag.search("warm up", technique=used)
            began = time.process_time()
            found = rag.search_many(list(beir.queries.values()), _DEPTH * _CHUNKS_A_DOCUMENT, technique=used)
            spent = 1000 * (time.process_time() - began) / len(found)
            run = {
                query: documents(result, _DEPTH, ids)
                for query, result in zip(beir.queries, found, strict=True)
            }
            at_5 = _recall(beir, run, 5)
            low, high = interval(at_5[:, None])
            scores = measure(run, beir.qrels, _DEPTH)
            print(
                f"{beir.name:22}{technique or 'default':18}{at_5.mean():16.4f}"
                f"{f'{low[0]:.3f} to {high[0]:.3f}':>16}{scores['recall@10'].value:16.4f}"
                f"{scores['ndcg@10'].value:16.4f}{spent:16.1f}",
                flush=True,
            )


def _recall(beir: BeirSet, run: dict[str, dict[str, float]], k: int) -> np.ndarray:
    values = []
    for query, grades in beir.qrels.items():
        relevant = {document for document, grade in grades.items() if grade > 0}
        values.append(len(relevant.intersection(islice(run[query], k))) / len(relevant))
    return np.array(values)


def _first(beir: BeirSet, count: int | None) -> BeirSet:
    kept = list(islice(beir.queries, count))
    return replace(
        beir,
        queries={query: beir.queries[query] for query in kept},
        qrels={query: beir.qrels[query] for query in kept},
    )


if __name__ == "__main__":
    main()
