"""What tracing costs: a span by itself, and a search with and without.

    python evals/benchmarks/tracing.py [FOLDER] [--blocks 20]

FOLDER is ingested into a new home (by default the sample documents). Blocks of searches with tracing and
without take turns in the same process, over the same home; the order within each pair is drawn. CPU time is
that of the whole process until the traces are written. Intervals are 95 % bootstraps over the pairs.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from pathlib import Path

import numpy as np

from ragent import Rag
from ragent.trace import Outlet, SpanRecord, Tracer, span

DOCUMENTS = Path(__file__).parents[1] / "sets" / "harbour" / "documents"
WORDS = (
    "grit",
    "ramp",
    "ferry",
    "winter",
    "salt",
    "crew",
    "berth",
    "tide",
    "fuel",
    "permit",
    "crane",
    "dues",
)
RESAMPLES = 2000
SEARCHES = 15


class Nowhere:
    """Takes spans and keeps none."""

    def write(self, spans: list[SpanRecord]) -> None:
        """Nothing."""


def span_microseconds(count: int = 100_000) -> float:
    """What one span costs whoever opens it."""
    began = time.perf_counter()
    for _ in range(count):
        with span("step"):
            pass
    return (time.perf_counter() - began) / count * 1e6


def search_all(rag: Rag, queries: list[str]) -> tuple[float, float]:
    """Milliseconds a search: wall, until its answer; and CPU, until its trace is written."""
    cpu, wall = time.process_time(), time.perf_counter()
    for query in queries:
        rag.search(query)
    answered = time.perf_counter() - wall
    rag.tracer.flush()
    return answered / len(queries) * 1000, (time.process_time() - cpu) / len(queries) * 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", default=DOCUMENTS)
    parser.add_argument("--blocks", type=int, default=20)
    given = parser.parse_args()

    print(f"a span where nobody records: {span_microseconds():.2f} µs")
    with Tracer([Outlet(Nowhere(), capacity=10**6)]).span("root", "ask"):
        print(f"a span that is recorded: {span_microseconds(20_000):.2f} µs")

    drawn = random.Random(0)
    with tempfile.TemporaryDirectory() as home:
        embedder = {"threads": 1}
        traced = Rag.open(home, embedder=embedder)
        plain = Rag.open(home, embedder=embedder, trace={"enabled": False})
        with traced, plain:
            traced.ingest(given.folder)
            ways = {"traced": traced, "plain": plain}
            times: dict[str, list[tuple[float, float]]] = {"traced": [], "plain": []}
            for block in range(given.blocks + 1):
                queries = [" ".join(drawn.sample(WORDS, 3)) for _ in range(SEARCHES)]
                for name in drawn.sample(sorted(ways), 2):
                    once = search_all(ways[name], queries)
                    if block:  # the first warms up
                        times[name].append(once)
            traces = traced.tracer.dropped
    report(times)
    print(f"spans lost: {traces}")


def report(times: dict[str, list[tuple[float, float]]]) -> None:
    """Medians, and that of the differences within pairs."""
    on, off = np.array(times["traced"]), np.array(times["plain"])
    generator = np.random.default_rng(0)
    for column, what in enumerate(("wall (until the answer)", "CPU (traces written)")):
        differences = on[:, column] - off[:, column]
        drawn = generator.choice(differences, (RESAMPLES, len(differences)))
        low, high = np.percentile(np.median(drawn, axis=1), [2.5, 97.5])
        print(
            f"a search, {what}: {np.median(on[:, column]):.2f} ms traced, {np.median(off[:, column]):.2f} ms"
            f" not; difference {np.median(differences):.3f} ms [{low:.3f}, {high:.3f}]"
        )


if __name__ == "__main__":
    main()
