"""A whole home at 10,000, 100,000 and 1,000,000 passages: what it costs to build, hold, open and search.

    python evals/benchmarks/scale.py FOLDER... --cache DIR [--counts 10000,100000,1000000] [--set KEY=VALUE]

The vectors are jittered copies of real ones, made as `indexes.py` beside this file makes them, with the same
cache: the real ones first, then each again with Gaussian noise of length `--jitter`, its length set back to
1. So from 35,000 on the neighbours of a vector are its near duplicates, which is harder than real text. Each
copy's text is another stretch of 30 words of the real passage. All of it goes through `Store.write` into
homes in `--cache`, which stay there and are filled only once; the indexes are built anew in every run.

Each step is a process of its own, with one thread. `dense` and `both` are the seconds of building, reading
from the database included, and `peak` is the most memory of that process, pages of mapped files included.
recall@10 is against an exact search of the vectors as they are stored. `ms` is of the dense index alone, with
10 results wanted, and `flat` of looking at every vector in the same process. `hybrid` is of `Rag.search`
without embedding the query. `fresh` is `ragent search --json` from its start to its end, `opening` what of it
is spent until the indexes are in step with the database; `cold` is the same after the system was told to drop
the home's files from its memory. All are seconds or milliseconds of the clock; CPU milliseconds stand beside.

At the end each figure is fitted to n^a by least squares over logarithms: `a` of all sizes, and of the two
largest alone, which says more of what comes after: at small sizes constant costs hide the growth.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import json
import multiprocessing
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from indexes import K, embed, read, windows

from ragent.config import Settings, load_settings
from ragent.protocols import Ids, Vectors
from ragent.rag import Rag
from ragent.retrieval import Indexes
from ragent.store import NewDocument, Store
from ragent.types import Chunk, Document

CHUNKS_A_DOCUMENT = 20
DOCUMENTS_A_COMMIT = 100
WORDS, STEP = 30, 7
FLAT_QUERIES = 20
FIGURES = (
    ("dense", "dense index built, s", "{:.1f}"),
    ("dense_cpu", "dense index built, CPU s", "{:.1f}"),
    ("both", "both built, s", "{:.1f}"),
    ("both_cpu", "both built, CPU s", "{:.1f}"),
    ("peak", "peak memory of building, MB", "{:,.0f}"),
    ("database_bytes", "database, MB", "{:,.0f}"),
    ("dense_bytes", "dense index, MB", "{:,.1f}"),
    ("keyword_bytes", "keyword index, MB", "{:,.1f}"),
    ("recall", "recall@10", "{:.4f}"),
    ("ms", "dense search, ms, median", "{:.2f}"),
    ("ms_p99", "dense search, ms, p99", "{:.2f}"),
    ("ms_cpu", "dense search, CPU ms, mean", "{:.2f}"),
    ("flat", "looking at all, ms, median", "{:.1f}"),
    ("ratio", "dense search / looking at all", "{:.3f}"),
    ("hybrid", "hybrid search, ms, median", "{:.2f}"),
    ("hybrid_p99", "hybrid search, ms, p99", "{:.2f}"),
    ("hybrid_cpu", "hybrid search, CPU ms, mean", "{:.2f}"),
    ("fresh", "fresh process, s", "{:.2f}"),
    ("fresh_cpu", "fresh process, CPU s", "{:.2f}"),
    ("opening", "of which opening, s", "{:.2f}"),
    ("cold", "fresh process, files not cached, s", "{:.2f}"),
)
Spent = tuple[float, float]
"""Milliseconds of the clock, and of CPU."""
UNFITTED = {"recall", "ratio", "ms_p99", "hybrid_p99"}


@dataclass(frozen=True, slots=True)
class Trial:
    """One size of home, and how it is asked."""

    home: Path
    cache: Path
    folders: tuple[Path, ...]
    count: int
    jitter: float
    queries: int
    index: dict[str, str]

    @property
    def settings(self) -> Settings:
        """One thread, and the index as the command line says."""
        return load_settings(embedder={"threads": 1}, index=self.index)


def main() -> None:
    """Print a table with a column a size, and the exponents."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--counts", default="10000,100000,1000000")
    parser.add_argument("--jitter", type=float, default=0.25)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--runs", type=int, default=5, help="fresh processes, of which the median counts")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of [index]")
    arguments = parser.parse_args()
    cache: Path = arguments.cache
    cache.mkdir(parents=True, exist_ok=True)
    if not ((cache / "real.npy").exists() and (cache / "queries.npy").exists()):
        in_a_process(embed, arguments.folders, cache / "real.npy", cache / "queries.npy")
    counts = [int(count) for count in arguments.counts.split(",")]
    results = []
    for count in counts:
        index = dict(pair.split("=", 1) for pair in arguments.set)
        trial = Trial(
            cache / f"scale-{count}",
            cache,
            tuple(arguments.folders),
            count,
            arguments.jitter,
            arguments.queries,
            index,
        )
        results.append(measure(trial, arguments.runs))
        (cache / "scale.json").write_text(json.dumps(dict(zip(counts, results, strict=False)), indent=1))
    show(counts, results)


def measure(trial: Trial, runs: int) -> dict[str, Any]:
    """All figures of one size."""
    print(f"{trial.count:,} passages", file=sys.stderr, flush=True)
    written = in_a_process(fill, trial)
    if written:
        print(f"  written in {written:.0f} s", file=sys.stderr, flush=True)
    found = in_a_process(build, trial)
    print(f"  {found}", file=sys.stderr, flush=True)
    found |= in_a_process(search, trial)
    return found | fresh(trial, runs)


def in_a_process(work: Callable[..., Any], *arguments: Any) -> Any:
    """What `work` returns, done in a process that is new and ends with it."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


# -- the home ----------------------------------------------------------------------------------------------


def fill(trial: Trial) -> float | None:
    """Write the passages, unless they are there; the seconds that it took."""
    with Rag(trial.home, trial.settings) as rag:
        collection = rag.store.ensure_collection("default", rag.embedder.fingerprint)
        if rag.store.counts(collection.id).chunks == trial.count:
            return None
        began = time.perf_counter()
        batch: list[NewDocument] = []
        for document in documents(trial):
            batch.append(document)
            if len(batch) == DOCUMENTS_A_COMMIT:
                rag.store.write(collection, batch)
                batch = []
        rag.store.write(collection, batch)
    return time.perf_counter() - began


def documents(trial: Trial) -> Iterator[NewDocument]:
    """Of 20 passages each."""
    passages = [window for folder in trial.folders for text in read(folder) for window in windows(text)]
    real = np.load(trial.cache / "real.npy").astype(np.float32)
    # In the order of the folders, the few might be of other things than the queries.
    order = np.random.default_rng(1).permutation(len(real))
    chance = np.random.default_rng(0)
    done = 0
    while done < trial.count:
        copy, most = done // len(real), min(len(real), trial.count - done)
        vectors = real[order] if copy == 0 else jittered(real[order], chance, trial.jitter)
        texts = [stretch(passages[place], copy) for place in order[:most]]
        for first in range(0, most, CHUNKS_A_DOCUMENT):
            last = min(most, first + CHUNKS_A_DOCUMENT)
            yield document(done + first, texts[first:last], vectors[first:last])
        done += most


def jittered(real: Vectors, chance: np.random.Generator, jitter: float) -> Vectors:
    """The vectors with noise, of unit length again."""
    noise = chance.standard_normal(real.shape, dtype=np.float32) * jitter / np.sqrt(real.shape[1])
    made: Vectors = (real + noise) / np.linalg.norm(real + noise, axis=1, keepdims=True)
    return made


def stretch(passage: str, copy: int) -> str:
    """Some words of a passage, others in each copy."""
    words = passage.split()
    first = copy * STEP % max(1, len(words) - WORDS + 1)
    return " ".join(words[first : first + WORDS])


def document(number: int, texts: Sequence[str], vectors: Vectors) -> NewDocument:
    """A document of these passages."""
    starts = np.cumsum([0, *(len(text) + 1 for text in texts)]).tolist()
    chunks = tuple(
        Chunk(start, start + len(text), text, "", len(text.split()))
        for start, text in zip(starts, texts, strict=False)
    )
    whole = Document(f"file:///d{number}", f"Part {number}", "\n".join(texts), "text/plain")
    return NewDocument(whole, "1", f"{number:032x}", chunks, vectors)


# -- what is measured --------------------------------------------------------------------------------------


def build(trial: Trial) -> dict[str, float]:
    """Make both indexes from the database, as `ragent index rebuild` would find a home without them."""
    with Store.open(trial.home) as store:
        collection = store.require_collection("default")
        indexes = Indexes(store, collection, trial.settings.index)
        shutil.rmtree(indexes.folder, ignore_errors=True)
        began, cpu = time.perf_counter(), time.process_time()
        indexes.refresh(sides=["dense"])
        spent = {"dense": time.perf_counter() - began, "dense_cpu": time.process_time() - cpu}
        indexes.refresh()
        spent |= {"both": time.perf_counter() - began, "both_cpu": time.process_time() - cpu}
        spent["peak"] = most_memory()
        facts = indexes.info()
    database = sum(path.stat().st_size for path in trial.home.glob("ragent.db*"))
    sizes = database, facts["dense"]["bytes"], facts["keyword"]["bytes"]
    megabytes = [size / 1e6 for size in sizes]
    names = ("database_bytes", "dense_bytes", "keyword_bytes")
    return spent | dict(zip(names, megabytes, strict=True))


def most_memory() -> float:
    """The most that this process ever held, in megabytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024 / 1e6
    raise SystemExit("this system doesn't tell how much memory a process takes")


def search(trial: Trial) -> dict[str, float]:
    """Ask the dense index, every vector, and the whole of `Rag.search`."""
    asked = np.load(trial.cache / "queries.npy").astype(np.float32)[: trial.queries]
    with Rag(trial.home, trial.settings) as rag:
        true = nearest(rag, asked)
        with rag.indexes.view(["dense"]) as view:
            dense: Any = view.dense
            dense.search(asked[:1], K)
            found, near = timed(lambda vector: dense.search(vector[None], K)[0][0].tolist(), asked)
            exact = dense.engine.exact
            _, all_of_them = timed(lambda vector: exact.search(vector[None], K), asked[:FLAT_QUERIES])
        hits = sum(len(set(some) & set(best)) for some, best in zip(found, true.tolist(), strict=True))
        rag.search("warm", K)
        texts = queries(trial)
        embedding = timed(lambda text: rag.embedder.embed_queries([text]), texts)[1]
        results, whole = timed(lambda text: rag.search(text, K), texts)
    flat = median(each for each, _ in all_of_them)
    hybrid = [
        spent - result.plan["milliseconds"]["embed"]
        for (spent, _), result in zip(whole, results, strict=True)
    ]
    return {
        "recall": hits / true.size,
        "ms": median(each for each, _ in near),
        "ms_p99": float(np.quantile([each for each, _ in near], 0.99)),
        "ms_cpu": float(np.mean([cpu for _, cpu in near])),
        "flat": flat,
        "ratio": median(each for each, _ in near) / flat,
        "hybrid": median(hybrid),
        "hybrid_p99": float(np.quantile(hybrid, 0.99)),
        "hybrid_cpu": float(np.mean([cpu for _, cpu in whole]) - np.mean([cpu for _, cpu in embedding])),
        "searching_memory": most_memory(),
    }


def nearest(rag: Rag, asked: Vectors) -> Ids:
    """The ids of the true best, shape (queries, K), from the vectors in the database."""
    scores = np.empty((len(asked), 0), np.float32)
    ids = np.empty((len(asked), 0), np.int64)
    with rag.store.snapshot(rag.collection) as snapshot:
        for some, vectors in snapshot.vectors(0):
            scores = np.hstack([scores, asked @ vectors.T])
            ids = np.hstack([ids, np.broadcast_to(some, (len(asked), len(some)))])
            best = np.argpartition(-scores, K, axis=1)[:, :K]
            scores, ids = np.take_along_axis(scores, best, 1), np.take_along_axis(ids, best, 1)
    return ids


def timed(work: Callable[[Any], Any], asked: Sequence[Any] | Vectors) -> tuple[list[Any], list[Spent]]:
    """What each call returns, and its milliseconds, of the clock and of CPU."""
    returned, spent = [], []
    for each in asked:
        clock, cpu = time.perf_counter(), time.process_time()
        returned.append(work(each))
        spent.append((1000 * (time.perf_counter() - clock), 1000 * (time.process_time() - cpu)))
    return returned, spent


def queries(trial: Trial) -> list[str]:
    """The texts of the queries."""
    paths = [path for folder in trial.folders for path in folder.glob("queries.jsonl")]
    lines = [line for path in paths for line in path.read_text("utf-8").splitlines()]
    return [json.loads(line)["text"] for line in lines[: trial.queries]]


def fresh(trial: Trial, runs: int) -> dict[str, float]:
    """Start processes that search once."""
    texts = queries(trial)
    forget_files(trial.home)
    cold = search_once(trial, texts[0])
    warm = [search_once(trial, texts[i % len(texts)]) for i in range(runs)]
    names = ("fresh", "fresh_cpu", "opening")
    found = {name: median(each[i] for each in warm) for i, name in enumerate(names)}
    return found | {"cold": cold[0]}


def forget_files(home: Path) -> None:
    """Have the system drop the home's files from its memory, as far as nobody uses them."""
    os.sync()
    for path in home.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def search_once(trial: Trial, text: str) -> tuple[float, float, float]:
    """Seconds, CPU seconds, and seconds of opening."""
    command = [sys.executable, "-m", "ragent.cli", "--home", str(trial.home), "search", text, "--json"]
    environment = os.environ | {"RAGENT_EMBEDDER__THREADS": "1"}
    environment |= {f"RAGENT_INDEX__{name.upper()}": value for name, value in trial.index.items()}
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    if process.returncode:
        raise SystemExit("the search failed")
    opening = json.loads(said)["plan"]["milliseconds"]["refresh"] / 1000
    return seconds, usage.ru_utime + usage.ru_stime, opening


# -- what is printed ---------------------------------------------------------------------------------------


def show(counts: Sequence[int], results: Sequence[dict[str, Any]]) -> None:
    """The table, and how each figure grows."""
    print(f"{'':36}" + "".join(f"{count:>12,}" for count in counts) + f"{'a':>8}{'a, last':>9}")
    for name, words, form in FIGURES:
        values = [result[name] for result in results]
        line = f"{words:36}" + "".join(f"{form.format(value):>12}" for value in values)
        if name not in UNFITTED and len(counts) > 1:
            line += f"{exponent(counts, values):8.2f}{exponent(counts[-2:], values[-2:]):9.2f}"
        print(line)


def exponent(counts: Sequence[int], values: Sequence[float]) -> float:
    """The a of the n^a nearest to these, by least squares over logarithms."""
    return float(np.polyfit(np.log(counts), np.log(values), 1)[0])


if __name__ == "__main__":
    main()
