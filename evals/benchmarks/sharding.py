"""What splitting one collection over machines does: to BM25, to exact scores, and to the slowest answer.

    python evals/benchmarks/sharding.py FOLDER[:SPLIT]... [--shards 2,4,8,16,64]

Each set is in the BEIR layout. Its documents are dealt out to shards by a hash of their ids (`by hash`), or
cut into stretches in the order of the corpus, in which neighbours are often alike (`in order`). Each shard is
a keyword index of its own, which counts the rarity of words over its own documents. The best ten of each are
merged by score and compared with those of one index over everything: nDCG@10, and how many of the ten are the
same. Counting rarity over all shards instead would give what the one index does. Dense scores are cosines,
which count nothing, so merging the best ten of each shard is exact: the last line of each set proves it with
random vectors.

The tail: a question that goes to S shards takes as long as the slowest of them. S times are drawn, 20,000
times over, from the CPU times that were measured here of one index, as if machines were slow independently.
Queues and networks come on top.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import xxhash
from numpy.typing import NDArray

from ragent.index.keyword import KeywordIndex
from ragent.store import IndexedText
from ragent_evals.metrics.retrieval.trec import measure
from ragent_evals.sets.beir import BeirSet, read_beir

DEPTH = 10
DRAWS = 20_000
DIMENSION = 64
Found = dict[str, dict[str, float]]
"""Scores of documents, by query."""
Shards = NDArray[np.int64]
"""Shape (documents,): the shard of each."""


def main() -> None:
    """Print a table a set, and the tail."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="+", metavar="FOLDER[:SPLIT]")
    parser.add_argument("--shards", default="2,4,8,16,64")
    arguments = parser.parse_args()
    counts = [int(count) for count in arguments.shards.split(",")]
    times: list[float] = []
    for name in arguments.sets:
        folder, _, split = name.partition(":")
        beir = read_beir(Path(folder), split or "test")
        compare(beir, counts, times)
    show_tail(np.array(times), counts)


def compare(beir: BeirSet, counts: Sequence[int], times: list[float]) -> None:
    """Print how near many indexes come to one; the times of searching the one are added to `times`."""
    names = list(beir.lines)
    texts = [as_text(i, json.loads(line)) for i, line in enumerate(beir.lines.values())]
    whole = search(texts, np.zeros(len(texts), np.int64), names, beir.queries, times)
    ideal = measure(whole, beir.qrels, DEPTH)["ndcg@10"].value
    print(
        f"{beir.name}: {len(texts):,} documents, {len(beir.queries)} queries, one index nDCG@10 {ideal:.4f}"
    )
    print(f"{'shards':>8}{'by hash':>10}{'same of 10':>12}{'in order':>10}{'same of 10':>12}")
    for count in counts:
        line = f"{count:8}"
        for shards in (by_hash(names, count), in_order(len(names), count)):
            found = search(texts, shards, names, beir.queries, [])
            quality = measure(found, beir.qrels, DEPTH)["ndcg@10"].value
            line += f"{quality:10.4f}{overlap(whole, found):12.3f}"
        print(line, flush=True)
    print(f"dense, {counts[-1]} shards: {dense_overlap(len(names), counts[-1]):.3f} the same\n")


def as_text(number: int, row: Mapping[str, str]) -> IndexedText:
    """A document of the corpus as the keyword index reads a chunk."""
    return IndexedText(number + 1, row.get("title", ""), "", row["text"])


def by_hash(names: Sequence[str], count: int) -> Shards:
    """Dealt out as by chance."""
    return np.array([xxhash.xxh3_64_intdigest(name.encode()) % count for name in names], np.int64)


def in_order(documents: int, count: int) -> Shards:
    """Cut into stretches."""
    return np.arange(documents) * count // documents


def search(
    texts: Sequence[IndexedText],
    shards: Shards,
    names: Sequence[str],
    queries: Mapping[str, str],
    times: list[float],
) -> Found:
    """The best ten of all shards, each of which counts for itself; CPU milliseconds go to `times`."""
    found: Found = {query: {} for query in queries}
    for shard in np.unique(shards):
        index = KeywordIndex(None)
        index.update(np.empty(0, np.int64), [[texts[i] for i in np.flatnonzero(shards == shard)]])
        for query, text in queries.items():
            began = time.thread_time()
            ids, scores = index.search(text, DEPTH)
            times.append(1000 * (time.thread_time() - began))
            found[query].update(
                (names[id_ - 1], score) for id_, score in zip(ids.tolist(), scores.tolist(), strict=True)
            )
    return {query: best(scores) for query, scores in found.items()}


def best(scores: Mapping[str, float]) -> dict[str, float]:
    """The ten highest."""
    return dict(sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))[:DEPTH])


def overlap(one: Found, other: Found) -> float:
    """The mean share of one's documents that the other found, too."""
    return float(
        np.mean(
            [len(one[query].keys() & other[query].keys()) / len(one[query]) for query in one if one[query]]
        )
    )


def dense_overlap(documents: int, count: int) -> float:
    """The same of exact dense scores, for random vectors in random shards."""
    chance = np.random.default_rng(0)
    vectors = chance.standard_normal((documents, DIMENSION), dtype=np.float32)
    shards = chance.integers(0, count, documents)
    same = []
    for query in chance.standard_normal((50, DIMENSION), dtype=np.float32):
        scores = vectors @ query
        whole = np.argsort(-scores)[:DEPTH]
        parts = [np.flatnonzero(shards == shard) for shard in range(count)]
        kept = np.concatenate([part[np.argsort(-scores[part])[:DEPTH]] for part in parts])
        merged = kept[np.argsort(-scores[kept])[:DEPTH]]
        same.append(len(set(whole.tolist()) & set(merged.tolist())) / DEPTH)
    return float(np.mean(same))


def show_tail(times: NDArray[np.float64], counts: Sequence[int]) -> None:
    """Print the slowest of so many, and what asking two copies of each shard makes of it."""
    chance = np.random.default_rng(0)
    print(f"one search: median {np.median(times):.2f} ms, p99 {np.quantile(times, 0.99):.2f} ms")
    print(f"{'shards':>8}{'median':>10}{'p99':>10}{'median, of 2 copies':>22}{'p99':>10}")
    for count in (1, *counts):
        drawn = chance.choice(times, (2, DRAWS, count))
        alone, twice = drawn[0].max(axis=1), drawn.min(axis=0).max(axis=1)
        line = f"{count:8}{np.median(alone):10.2f}{np.quantile(alone, 0.99):10.2f}"
        print(line + f"{np.median(twice):22.2f}{np.quantile(twice, 0.99):10.2f}")


if __name__ == "__main__":
    main()
