"""What a search costs beside embedding its query: in a warm process, in a fresh one, and after an ingestion.

    python evals/benchmarks/searching.py FOLDER... --cache DIR [--chunks 20000]

Texts and vectors are made as `indexes.py` beside this file makes them, with the same cache; a text that is
used again has a number added. They are written into a home in `--cache`, so that nothing is embedded but the
queries. CPU seconds of one thread:

- build: the dense index, and both indexes, made from the database
- append: the dense index brought up to date after 1 % more was written, file included; then without the file
- warm: `Rag.search`, less `embed_queries` of the same query; median and 90th percentile
- fresh: `ragent search --json`, from starting the process to its end; median of `--runs`
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

import numpy as np
from indexes import embed, jittered, read, windows

from ragent.config import load_settings
from ragent.protocols import Vectors
from ragent.rag import Rag
from ragent.retrieval import Indexes
from ragent.store import Collection, NewDocument, Store
from ragent.types import Chunk, Document

CHUNKS_A_DOCUMENT = 20


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--chunks", type=int, default=20_000)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--runs", type=int, default=7)
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    home = arguments.cache / f"home-{arguments.chunks}"
    settings = load_settings(embedder={"threads": 1})
    with Rag(home, settings) as rag:
        collection = rag.store.ensure_collection("default", rag.embedder.fingerprint)
        added = fill(rag.store, collection, arguments)
        queries = read_queries(arguments.folders)[: arguments.queries]
        changes(rag.store, collection, added)
        warm(rag, queries)
    fresh(home, queries[0], arguments.runs)


def fill(store: Store, collection: Collection, arguments: argparse.Namespace) -> list[NewDocument]:
    """Write the chunks, unless they are there; 1 % more, to be written later."""
    real, asked = (arguments.cache / name for name in ("real.npy", "queries.npy"))
    if not (real.exists() and asked.exists()):
        embed(arguments.folders, real, asked)
    total = arguments.chunks + arguments.chunks // 100
    texts = [window for folder in arguments.folders for text in read(folder) for window in windows(text)]
    vectors = jittered(np.load(real).astype(np.float32), total, 0.25)
    documents = [
        document(first, [f"{texts[i % len(texts)]} {i}" for i in range(first, last)], vectors[first:last])
        for first, last in (
            (i, min(total, i + CHUNKS_A_DOCUMENT)) for i in range(0, total, CHUNKS_A_DOCUMENT)
        )
    ]
    kept = arguments.chunks // CHUNKS_A_DOCUMENT
    known = store.known_documents(collection.id)
    for first in range(0, kept, 100):
        new = [each for each in documents[first : min(kept, first + 100)] if each.document.uri not in known]
        if new:
            store.write(collection, new)
    gone = [known[each.document.uri].id for each in documents[kept:] if each.document.uri in known]
    if gone:
        store.remove(collection, gone)
    return documents[kept:]


def document(number: int, texts: list[str], vectors: Vectors) -> NewDocument:
    """A document of these chunks."""
    starts = np.cumsum([0, *(len(text) + 1 for text in texts)]).tolist()
    chunks = tuple(
        Chunk(start, start + len(text), text, "", len(text.split()))
        for start, text in zip(starts, texts, strict=False)
    )
    whole = Document(f"file:///d{number}", f"Part {number}", "\n".join(texts), "text/plain")
    return NewDocument(whole, "1", f"{number:032x}", chunks, vectors)


def read_queries(folders: list[Path]) -> list[str]:
    """The queries of all sets, the same number of each first."""
    paths = [path for folder in folders for path in folder.glob("queries.jsonl")]
    return [json.loads(line)["text"] for path in paths for line in path.read_text("utf-8").splitlines()]


def changes(store: Store, collection: Collection, added: list[NewDocument]) -> None:
    """Measure building and appending."""
    settings = load_settings().index
    shutil.rmtree(Indexes(store, collection, settings).folder, ignore_errors=True)
    indexes = Indexes(store, collection, settings)
    building = spent(lambda: indexes.refresh(sides=["dense"]))
    both = building + spent(indexes.refresh)
    print(f"build           {building:8.3f} s dense ({indexes.info()['dense']['kind']}), {both:.3f} s both")
    # As an ingestion finds them: opened, and in step.
    store.write(collection, added)
    saving = spent(lambda: indexes.refresh(sides=["dense"]))
    other = Indexes(store, collection, settings)
    with other.view(["dense"]):
        pass
    known = store.known_documents(collection.id)
    store.remove(collection, [known[each.document.uri].id for each in added])
    store.write(collection, added)

    def look() -> None:
        with other.view(["dense"]):
            pass

    seeing = spent(look)
    print(f"append 1 %      {saving:8.3f} s ({saving / building:.1%} of build), in memory {seeing:.3f} s")
    store.remove(collection, [store.known_documents(collection.id)[each.document.uri].id for each in added])
    indexes.refresh()


def warm(rag: Rag, queries: list[str]) -> None:
    """Measure searches, and the embedding of the same queries."""
    rag.search(queries[0])
    times = []
    steps: dict[str, list[float]] = {}
    for query in queries:
        embedding = spent(lambda query=query: rag.embedder.embed_queries([query]))
        times.append(1000 * (spent(lambda query=query: rag.search(query)) - embedding))
        for name, value in rag.search(query).plan["milliseconds"].items():
            steps.setdefault(name, []).append(value)
    print(
        f"warm            {median(times):8.2f} ms beside embedding, p90 {quantiles(times, n=10)[-1]:.2f} ms"
    )
    print("                " + ", ".join(f"{name} {median(values):.2f}" for name, values in steps.items()))


def fresh(home: Path, query: str, runs: int) -> None:
    """Measure a process that searches once."""
    command = [sys.executable, "-m", "ragent.cli", "--home", str(home), "search", query, "--json"]
    environment = {**os.environ, "RAGENT_EMBEDDER__THREADS": "1"}
    seconds = []
    for _ in range(runs):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit("the search failed")
        seconds.append(usage.ru_utime + usage.ru_stime)
    print(f"fresh process   {median(seconds):8.2f} s CPU")


def spent(action: Callable[[], object]) -> float:
    """CPU seconds of this process."""
    began = time.process_time()
    action()
    return time.process_time() - began


if __name__ == "__main__":
    main()
