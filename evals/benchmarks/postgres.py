"""The same passages in SQLite with files beside it and in PostgreSQL, which searches itself: times of both.

    .venv/bin/python scripts/private_postgres.py                       (in another terminal; prints a URL)
    python evals/benchmarks/postgres.py FOLDER... --cache DIR --url URL [--count 100000]

The vectors are jittered copies of real ones, made as `indexes.py` beside this file makes them, with the same
cache. The first copy of a passage's text is the real one; in the others, every tenth word is one of another
passage. The home with SQLite stays in `--cache`; PostgreSQL's database is made anew on the server of `--url`
unless it is there.

Both are asked the same questions in turn in one process with one thread, `--rounds` times, after a round that
doesn't count. A question's time is the median of its rounds, of the whole of `Rag.search`, with embedding.
`overlap` is how many of the first ten passages are the same, as a share. What each finds is measured by
`ragent eval beir FOLDER`, once with RAGENT_STORE__URL and once without.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from indexes import K, embed, read, windows
from scale import CHUNKS_A_DOCUMENT, DOCUMENTS_A_COMMIT, document, in_a_process, jittered
from sqlalchemy import create_engine, text

from ragent.config import load_settings
from ragent.rag import Rag
from ragent.store import NewDocument
from ragent.store.postgresql import parse_url

_CHANGED = 0.1


@dataclass(frozen=True, slots=True)
class Trial:
    """So many passages of some folders."""

    folders: tuple[Path, ...]
    cache: Path
    count: int
    jitter: float


def main() -> None:
    """Print what each engine takes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--url", required=True, help="of any database of a server")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--jitter", type=float, default=0.25)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    cache: Path = arguments.cache
    cache.mkdir(parents=True, exist_ok=True)
    if not ((cache / "real.npy").exists() and (cache / "queries.npy").exists()):
        in_a_process(embed, arguments.folders, cache / "real.npy", cache / "queries.npy")
    trial = Trial(tuple(arguments.folders), cache, arguments.count, arguments.jitter)
    texts = questions(trial.folders, arguments.queries)
    url = database(arguments.url, f"ragent_benchmark_{trial.count}")
    home = cache / f"postgres-{trial.count}"
    with Rag(home / "files", settings("")) as files, Rag(home / "database", settings(url)) as other:
        for name, rag in (("SQLite and files", files), ("PostgreSQL", other)):
            fill(rag, name, trial)
        compare(files, other, texts, arguments.rounds)


def settings(url: str) -> Any:
    """One thread; the engine is the URL's own."""
    return load_settings(embedder={"threads": 1}, store={"url": url}, trace={"enabled": False})


def database(url: str, name: str) -> str:
    """The URL of a database of that name on the same server, made if need be."""
    parsed = parse_url(url)
    engine = create_engine(parsed, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        known = connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name})
        if known is None:
            connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return parsed.set(database=name).render_as_string(hide_password=False)


def fill(rag: Rag, name: str, trial: Trial) -> None:
    """Write the passages, unless they are there, and make the indexes; say what that took."""
    collection = rag.store.ensure_collection("default", rag.embedder.fingerprint)
    began = time.perf_counter()
    if rag.store.counts(collection.id).chunks != trial.count:
        batch: list[NewDocument] = []
        for each in documents(trial):
            batch.append(each)
            if len(batch) == DOCUMENTS_A_COMMIT:
                rag.store.write(collection, batch)
                batch = []
        rag.store.write(collection, batch)
    written = time.perf_counter()
    rag.refresh_indexes()
    built = time.perf_counter()
    print(f"{name}: written in {written - began:.0f} s, indexes in {built - written:.0f} s", flush=True)
    print(json.dumps(rag.indexes.info()), flush=True)


def documents(trial: Trial) -> Iterator[NewDocument]:
    """Of 20 passages each."""
    passages = [window for folder in trial.folders for text in read(folder) for window in windows(text)]
    real = np.load(trial.cache / "real.npy").astype(np.float32)
    order = np.random.default_rng(1).permutation(len(real))
    noise, chance = np.random.default_rng(0), random.Random(0)
    done = 0
    while done < trial.count:
        most = min(len(real), trial.count - done)
        vectors = jittered(real[order], noise, trial.jitter) if done else real[order]
        texts = [passages[place] for place in order[:most]]
        if done:
            texts = [changed(each, passages, chance) for each in texts]
        for first in range(0, most, CHUNKS_A_DOCUMENT):
            last = min(most, first + CHUNKS_A_DOCUMENT)
            yield document(done + first, texts[first:last], vectors[first:last])
        done += most


def changed(passage: str, others: Sequence[str], chance: random.Random) -> str:
    """With some words of another passage in the place of its own."""
    words = passage.split()
    foreign = chance.choice(others).split()
    for place in chance.sample(range(len(words)), int(len(words) * _CHANGED)):
        words[place] = chance.choice(foreign)
    return " ".join(words)


def questions(folders: Sequence[Path], count: int) -> list[str]:
    """The texts of the queries."""
    paths = [path for folder in folders for path in folder.glob("queries.jsonl")]
    lines = [line for path in paths for line in path.read_text("utf-8").splitlines()]
    return [json.loads(line)["text"] for line in random.Random(0).sample(lines, min(count, len(lines)))]


def compare(files: Rag, other: Rag, texts: Sequence[str], rounds: int) -> None:
    """Ask both in turn."""
    spent = np.empty((2, rounds, len(texts)))
    found: list[list[set[tuple[str, int]]]] = [[], []]
    steps: list[dict[str, list[float]]] = [{}, {}]
    for round_ in range(-1, rounds):
        for place, question in enumerate(texts):
            for engine, rag in enumerate((files, other)):
                began = time.perf_counter()
                result = rag.search(question, K)
                milliseconds = 1000 * (time.perf_counter() - began)
                if round_ < 0:
                    found[engine].append({(hit.uri, hit.start) for hit in result.hits})
                    continue
                spent[engine, round_, place] = milliseconds
                for step, took in result.plan["milliseconds"].items():
                    steps[engine].setdefault(step, []).append(took)
    took = np.median(spent, axis=1)
    for name, each, parts in zip(("SQLite and files", "PostgreSQL"), took, steps, strict=True):
        told = ", ".join(f"{step} {np.median(values):.2f}" for step, values in parts.items())
        p50, p99 = np.quantile(each, [0.5, 0.99])
        print(f"{name}: p50 {p50:.2f} ms, p99 {p99:.2f} ms ({told})")
    overlap = np.mean([len(a & b) / K for a, b in zip(*found, strict=True)])
    print(f"ratio of the p50: {np.median(took[1]) / np.median(took[0]):.2f}; overlap@{K} {overlap:.3f}")


if __name__ == "__main__":
    main()
