"""Kills a process (SIGKILL) at random moments while it appends to, swaps or rebuilds its indexes.

    python evals/benchmarks/killing_indexes.py [--kills 30] [--chunks 600]

After each kill the home is opened again. Every search must answer; a chunk's own vector and its own word must
find its own text; and the indexes must hold what the database holds. The kind of dense index changes from
one kill to the next. Exits with 1 if anything was wrong.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import xxhash

from ragent.config import IndexSettings
from ragent.protocols import Vectors
from ragent.retrieval import Indexes
from ragent.store import Collection, NewDocument, Store
from ragent.types import Chunk, Document, Fingerprint

Phase = Literal["append", "swap", "rebuild"]
KINDS = ("flat", "hnsw", "hnsw_sq", "lsh", "rabitq", "ivf", "auto")
DIMENSION = 32
FINGERPRINT = Fingerprint("noise", "1", "mean", "", "", DIMENSION, normalized=True)
LONGEST_SECONDS = 0.8


def main() -> None:
    """Kill, check, and say what was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=30, help="of each phase")
    parser.add_argument("--chunks", type=int, default=600)
    parser.add_argument("--work", nargs=3, metavar=("HOME", "PHASE", "SEED"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        home, phase, seed = arguments.work
        work(Path(home), phase, int(seed), arguments.chunks)
    problems = [problem for phase in get_args(Phase) for problem in try_phase(phase, arguments)]
    print("\n".join(problems) or "nothing wrong")
    sys.exit(bool(problems))


def try_phase(phase: Phase, arguments: argparse.Namespace) -> list[str]:
    """What was wrong after each of the kills of one phase."""
    chance = random.Random(phase)
    problems: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(arguments.kills):
            kill(Path(folder), phase, seed, chance.uniform(0, LONGEST_SECONDS), arguments.chunks)
            problems += [f"{phase}, kill {seed}: {problem}" for problem in check(Path(folder), seed)]
    print(f"{phase}: {arguments.kills} kills, {len(problems)} problems", flush=True)
    return problems


def kill(home: Path, phase: Phase, seed: int, seconds: float, chunks: int) -> None:
    """Let a process work for so long."""
    command = [sys.executable, __file__, "--chunks", str(chunks), "--work", str(home), phase, str(seed)]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE)
    with worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        time.sleep(seconds)
        if worker.poll() is not None:
            raise SystemExit("the process ended by itself")
        worker.kill()


def work(home: Path, phase: Phase, seed: int, chunks: int) -> None:
    """Write, remove and search without end."""
    chance = random.Random(seed)
    with Store.open(home) as store:
        collection = store.ensure_collection("default", FINGERPRINT)
        indexes = Indexes(store, collection, settings_of(seed))
        known = store.known_documents(collection.id)
        store.write(collection, [document(n, chance) for n in range(chunks) if f"d{n}" not in known])
        indexes.refresh()
        print("begun", flush=True)
        while True:
            store.write(collection, [document(n, chance) for n in chance.sample(range(chunks), chunks // 8)])
            known = store.known_documents(collection.id)
            gone = chance.sample(sorted(known), chunks // 20)
            store.remove(collection, [known[uri].id for uri in gone])
            if phase == "append":
                with indexes.view() as view:
                    view.dense.search(vector_of("anything")[None], 5)
            elif phase == "swap":
                indexes.refresh()
            else:
                indexes.rebuild()


def check(home: Path, seed: int) -> list[str]:
    """What is wrong with the home."""
    problems = []
    with Store.open(home) as store:
        collection = store.ensure_collection("default", FINGERPRINT)
        texts = texts_of(store, collection)
        try:
            with Indexes(store, collection, settings_of(seed)).view() as view:
                held = np.setdiff1d(view.dense.ids, view.dense.dead).tolist()
                if held != sorted(texts) or len(view.keyword) != len(texts):
                    problems.append("the indexes hold other chunks than the database")
                for id_ in sorted(texts)[::7]:
                    word = texts[id_].split()[-1]
                    found = view.dense.search(vector_of(texts[id_])[None], 3)[0][0, 0]
                    matching = view.keyword.search(word, 3)[0][0]
                    for side, other in (("dense", found), ("keyword", matching)):
                        if texts.get(int(other)) != texts[id_]:
                            problems.append(
                                f"{side}: {texts[id_]!r} was wanted, found {texts.get(int(other))!r}"
                            )
        except Exception as error:
            problems.append(f"a search failed: {error!r}")
    return problems


def texts_of(store: Store, collection: Collection) -> dict[int, str]:
    """Each chunk's text, by the database."""
    with store.snapshot(collection) as snapshot:
        return {text.chunk_id: text.text for some in snapshot.texts(0) for text in some}


def settings_of(seed: int) -> IndexSettings:
    """Small graphs, of a kind that depends on the seed."""
    return IndexSettings(kind=KINDS[seed % len(KINDS)], hnsw_m=8, hnsw_ef_construction=32)


def document(number: int, chance: random.Random) -> NewDocument:
    """An edition of a document of one chunk, whose last word no other text has."""
    text = f"document {number} in the edition x{chance.getrandbits(60):x}"
    chunk = Chunk(0, len(text), text, "", len(text.split()))
    whole = Document(f"d{number}", "", text, "text/plain")
    return NewDocument(whole, "1", xxhash.xxh3_128_hexdigest(text.encode()), (chunk,), vector_of(text)[None])


def vector_of(text: str) -> Vectors:
    """Noise, the same for the same text."""
    seed = xxhash.xxh3_64_intdigest(text.encode())
    vector: Vectors = np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)
    return vector / np.linalg.norm(vector)


if __name__ == "__main__":
    main()
