"""Every kind of dense index at 200,000 vectors, side by side with hnswlib and usearch.

    python evals/benchmarks/indexes.py FOLDER... --cache DIR [--count 200000] [--kinds hnsw,rabitq,hnswlib]

The vectors are jittered copies of real ones: the texts of the folders (.txt, .md, .rst, and the corpus.jsonl
of a BEIR set) in windows of 90 words, embedded by the bundled model, then repeated with Gaussian noise of
length `--jitter` added and the length set back to 1. That makes clusters of near duplicates, which are hard
for a graph. The queries are those of the sets' queries.jsonl. Both stay in `--cache`, so that only the first
run embeds; what was built doesn't, because building is measured.

CPU seconds of one thread, one query at a time. `bytes` is what a search needs in memory for each vector: the
codes or vectors that it scans, links, centres, and ids. For the kinds that score candidates exactly, the
float16 vectors stay in the mapped file, of which a search touches the pages of its candidates. 1 % is
appended: `tail` puts it there, `fold` moves it from there into the file, which is read and written. A peer is
asked ever more widely until it finds what ragent's `hnsw` did; `ratio` is its time over that of `hnsw`.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import faiss
import numpy as np

from ragent.config import EmbedderSettings, IndexSettings
from ragent.embedding import open_embedder
from ragent.index.building import build, fold, open_engine
from ragent.index.choosing import made_with
from ragent.index.dense import Dense
from ragent.index.stamped import Stamp, load, save
from ragent.protocols import Ids, Vectors

K = 10
KINDS = ("flat", "hnsw", "hnsw_sq", "lsh", "rabitq", "ivf")
PEERS = ("hnswlib", "usearch")
SUFFIXES = {".txt", ".md", ".rst"}
WINDOW_WORDS, LEAST_WORDS = 90, 15
WIDTHS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
BYTES_OF_AN_ID = 9
"""Eight of the id, one that says whether it is alive."""


@dataclass(frozen=True, slots=True)
class Data:
    """Vectors to be found, queries, and the true ten nearest of each."""

    vectors: Vectors
    queries: Vectors
    nearest: Ids

    @property
    def dimension(self) -> int:
        return int(self.vectors.shape[1])


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured of one kind; seconds are of CPU."""

    name: str
    recall: float
    milliseconds: float
    memory: float
    build: float
    tail: float | None = None
    fold: float | None = None


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--jitter", type=float, default=0.25)
    parser.add_argument("--kinds", default=",".join([*KINDS, *PEERS]))
    parser.add_argument("--recall", type=float, default=0.97, help="for peers where hnsw isn't run")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of [index]")
    arguments = parser.parse_args()
    faiss.omp_set_num_threads(1)
    arguments.cache.mkdir(parents=True, exist_ok=True)
    settings = IndexSettings.model_validate(dict(pair.split("=", 1) for pair in arguments.set))
    data = make_data(arguments)
    print(f"{len(data.vectors):,} vectors, jitter {arguments.jitter}, {len(data.queries)} queries")
    print(f"{'kind':10}{'recall@10':>10}{'CPU ms':>8}{'bytes':>8}{'build s':>9}{'tail s':>8}{'fold s':>8}")
    target: Row | None = None
    for name in arguments.kinds.split(","):
        if name in KINDS:
            row = measure(name, data, settings, arguments.cache)
            target = row if name == "hnsw" else target
        elif find_spec(name) is None:
            print(f"{name:10} not installed: pip install ragent[bench]")
            continue
        else:
            row = measure_peer(name, data, settings, target.recall if target else arguments.recall)
        show(row, target if name in PEERS else None)


def show(row: Row, target: Row | None) -> None:
    """Print one line."""
    line = f"{row.name:10}{row.recall:10.4f}{row.milliseconds:8.3f}{row.memory:8.0f}{row.build:9.1f}"
    line += "".join("" if part is None else f"{part:8.3f}" for part in (row.tail, row.fold))
    print(line + (f"   ratio {row.milliseconds / target.milliseconds:.2f}" if target else ""), flush=True)


# -- the data ----------------------------------------------------------------------------------------------


def make_data(arguments: argparse.Namespace) -> Data:
    """From the cache, or anew."""
    real, queries = (arguments.cache / name for name in ("real.npy", "queries.npy"))
    if not (real.exists() and queries.exists()):
        embed(arguments.folders, real, queries)
    found = np.load(real).astype(np.float32)
    if arguments.count < len(found):
        # In the order of the folders, the few might be of other things than the queries.
        found = np.random.default_rng(1).permutation(found)
    vectors = jittered(found, arguments.count, arguments.jitter)
    asked = np.load(queries).astype(np.float32)
    exact = faiss.IndexFlatIP(vectors.shape[1])
    exact.add(vectors)
    return Data(vectors, asked, exact.search(asked, K)[1])


def embed(folders: list[Path], real: Path, queries: Path) -> None:
    """Write the vectors of the folders' texts, and of their queries."""
    embedder = open_embedder(EmbedderSettings(threads=1))

    def fitting(text: str) -> str:
        spans = embedder.tokenizer.offsets(text)
        return text if len(spans) <= embedder.max_tokens else text[: spans[embedder.max_tokens - 1][1]]

    texts = [fitting(window) for folder in folders for text in read(folder) for window in windows(text)]
    asked = [
        json.loads(line)["text"]
        for folder in folders
        for path in folder.glob("queries.jsonl")
        for line in path.read_text("utf-8").splitlines()
    ]
    if not (texts and asked):
        raise SystemExit("the folders hold no texts, or no queries.jsonl")
    np.save(real, embedder.embed_documents(texts).astype(np.float16))
    np.save(queries, embedder.embed_queries(asked))


def read(folder: Path) -> Iterator[str]:
    """The texts of a folder."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in SUFFIXES:
            yield path.read_text("utf-8", "replace")
    for path in folder.glob("corpus.jsonl"):
        for line in path.read_text("utf-8").splitlines():
            row = json.loads(line)
            yield f"{row['title']} {row['text']}"


def windows(text: str) -> Iterator[str]:
    """Stretches of a text, one after the other."""
    words = text.split()
    for first in range(0, len(words), WINDOW_WORDS):
        if len(words) - first >= LEAST_WORDS:
            yield " ".join(words[first : first + WINDOW_WORDS])


def jittered(real: Vectors, count: int, jitter: float) -> Vectors:
    """The real ones, then copies with noise, as many as are wanted; with the precision of the store."""
    chance = np.random.default_rng(0)
    made = [real]
    while sum(map(len, made)) < count:
        noise = chance.standard_normal(real.shape, dtype=np.float32) * jitter / np.sqrt(real.shape[1])
        made.append((real + noise) / np.linalg.norm(real + noise, axis=1, keepdims=True))
    vectors: Vectors = np.concatenate(made)[:count].astype(np.float16).astype(np.float32)
    return vectors


# -- measuring ---------------------------------------------------------------------------------------------


def measure(kind: str, data: Data, settings: IndexSettings, cache: Path) -> Row:
    """Build all but 1 %, append that, and search."""
    count, dimension = len(data.vectors), data.dimension
    first = count - count // 100
    ids = np.arange(1, count + 1)
    path = cache / f"{kind}.index"
    wanted = made_with(dimension, 1, settings, kind)

    whole = Dense(dimension)
    whole.add(ids[:first], data.vectors[:first])
    began = time.process_time()
    save(path, build(whole, kind, settings, ignore), Stamp(wanted, 1, {}))
    building = time.process_time() - began

    index = opened(path, settings, mapped=True)
    began = time.process_time()
    index.add(ids[first:], data.vectors[first:])
    tail = time.process_time() - began

    began = time.process_time()
    base = opened(path, settings, mapped=False).engine
    assert base is not None
    save(path, fold(index.frozen(), base, ignore), Stamp(wanted, 2, {}))
    folding = time.process_time() - began

    index = opened(path, settings, mapped=True)
    recall, milliseconds = ask(lambda query: index.search(query, K)[0] - 1, data)
    memory = in_memory(index) / count + BYTES_OF_AN_ID
    path.unlink()
    return Row(kind, recall, milliseconds, memory, building, tail, folding)


def opened(path: Path, settings: IndexSettings, *, mapped: bool) -> Dense:
    """An index from its file."""
    loaded = load(path, {}, mapped=mapped)
    made = loaded.stamp.made_with
    engine = open_engine(made["kind"], made["dimension"], settings, loaded.native)
    return Dense(made["dimension"], engine, loaded.labels)


def in_memory(index: Dense) -> int:
    """Bytes of what a search scans or walks through."""
    assert index.engine is not None
    native = index.engine.native
    scanned = native.base_index if isinstance(native, faiss.IndexRefine) else native
    writer = faiss.VectorIOWriter()
    faiss.write_index(scanned, writer)
    return int(writer.data.size())


def ask(search: Callable[[Vectors], Ids], data: Data) -> tuple[float, float]:
    """recall@10, and CPU milliseconds a query."""
    search(data.queries[:1])
    began = time.process_time()
    found = [search(query[None])[0].tolist() for query in data.queries]
    spent = time.process_time() - began
    hits = sum(len(set(some) & set(true)) for some, true in zip(found, data.nearest.tolist(), strict=True))
    return hits / data.nearest.size, 1000 * spent / len(data.queries)


def measure_peer(name: str, data: Data, settings: IndexSettings, recall: float) -> Row:
    """A peer's graph with the same links, at the least width that finds as much."""
    began = time.process_time()
    widen, search, size = {"hnswlib": by_hnswlib, "usearch": by_usearch}[name](data, settings)
    building = time.process_time() - began
    found, milliseconds = 0.0, 0.0
    for width in WIDTHS:
        widen(width)
        found, milliseconds = ask(search, data)
        if found >= recall:
            break
    return Row(name, found, milliseconds, size / len(data.vectors), building)


Peer = tuple[Callable[[int], object], Callable[[Vectors], Ids], int]


def by_hnswlib(data: Data, settings: IndexSettings) -> Peer:
    """How to widen it, to search it, and its bytes."""
    import hnswlib

    index = hnswlib.Index(space="ip", dim=data.dimension)
    index.set_num_threads(1)
    index.init_index(len(data.vectors), M=settings.hnsw_m, ef_construction=settings.hnsw_ef_construction)
    index.add_items(data.vectors, num_threads=1)
    return index.set_ef, lambda query: index.knn_query(query, K)[0].astype(np.int64), index.index_file_size()


def by_usearch(data: Data, settings: IndexSettings) -> Peer:
    """How to widen it, to search it, and its bytes."""
    from usearch.index import Index

    index = Index(
        ndim=data.dimension,
        metric="ip",
        dtype="f32",
        connectivity=settings.hnsw_m,
        expansion_add=settings.hnsw_ef_construction,
    )
    index.add(np.arange(len(data.vectors)), data.vectors, threads=1)

    def widen(width: int) -> None:
        index.expansion_search = width

    def search(query: Vectors) -> Ids:
        return np.asarray(index.search(query, K, threads=1).keys, np.int64)[None].reshape(1, -1)

    return widen, search, int(index.serialized_length)


def ignore(done: int, total: int) -> None:
    """Building tells nobody how far it is."""


if __name__ == "__main__":
    main()
