"""What a second Ray worker brings: one and two of them ingest the same folder, turn by turn.

    python evals/benchmarks/ray_workers.py FOLDER [--files 150] [--rounds 3] [--json FILE]

Each run is a process of its own with a fresh home, by `[ingest] engine = "ray"` and `readers = 1` or 2; one
more has the local engine, for comparison. Seconds are counted from the moment that the workers have loaded
their model, since starting Ray takes as long for ten files as for ten million (it is told apart). Medians are
given, and how many processor seconds all processes of a run took: other work on the machine distorts these
less. Every home must hold the same documents and chunks, row for row, ids included; and vectors that differ
no more than those of one engine do from one batch to another.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil  # type: ignore[import-untyped]
from numpy.typing import NDArray
from sqlalchemy import text

from ragent.ingest import Progress
from ragent.rag import Rag
from ragent.store import Store

TOLERANCE = 0.01
NAMES = {0: "local", 1: "one worker", 2: "two workers"}
DOCUMENTS = (
    "SELECT id, uri, item, source_id, version, content_hash, media_type, title, pages, meta, text"
    " FROM documents ORDER BY id"
)
CHUNKS = 'SELECT id, document_id, start, "end", page, tokens, context, text FROM chunks ORDER BY id'
VECTORS = "SELECT data FROM vectors ORDER BY chunk_id"


def main() -> None:
    """Run the benchmark, print the figures, and exit with 1 if a home differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=150, help="take only so many, evenly spaced")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--run", nargs=2, metavar=("WORKERS", "HOME"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.run:
        print(json.dumps(ingest(args.folder, int(args.run[0]), Path(args.run[1]))))
        return
    with tempfile.TemporaryDirectory() as temporary:
        documents = Path(temporary) / "documents"
        copy_some(args.folder, documents, args.files)
        figures, same = compare(documents, Path(temporary), args.rounds)
    for name, value in figures.items():
        print(f"{name:30}", value)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n")
    sys.exit(0 if same else 1)


def copy_some(folder: Path, to: Path, most: int) -> None:
    """So many of the folder's files."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in found[:: max(1, len(found) // most)][:most]:
        copy = to / path.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)


def compare(documents: Path, folder: Path, rounds: int) -> tuple[dict[str, Any], bool]:
    """The figures of all runs, and whether all homes hold the same."""
    runs: dict[int, list[dict[str, float]]] = defaultdict(list)
    figures: dict[str, Any] = {"files": sum(path.is_file() for path in documents.rglob("*"))}
    load = []
    first: Path | None = None
    same = True
    for turn in range(rounds):
        # The local engine once, and then whichever went last before goes first.
        for workers in (0, 1, 2) if turn == 0 else (2, 1) if turn % 2 else (1, 2):
            load.append(os.getloadavg()[0])
            home = folder / f"home-{turn}-{workers}"
            runs[workers].append(started(documents, workers, home))
            first = first or home
            found = differences(first, home)
            figures |= {f"{NAMES[workers]} differs": one for one in found}
            same = same and not found
    for workers, each in sorted(runs.items()):
        for name in each[0]:
            values = [run[name] for run in each]
            figures[f"{NAMES[workers]}: {name}"] = round(statistics.median(values), 2)
    for name in ("seconds", "cpu_seconds"):
        one, two = (figures[f"{NAMES[workers]}: {name}"] for workers in (1, 2))
        figures[f"one / two workers: {name}"] = round(one / two, 2)
    figures["load over the runs"] = [round(one, 1) for one in load]
    figures["row for row the same"] = same
    return figures, same


def started(documents: Path, workers: int, home: Path) -> dict[str, float]:
    """A run in a process of its own."""
    command = [sys.executable, __file__, str(documents), "--run", str(workers), str(home)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"{NAMES[workers]} failed: {ran.stderr}")
    figures: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return figures


def ingest(documents: Path, workers: int, home: Path) -> dict[str, float]:
    """Ingest with so many workers, or by the local engine: how long that takes, and all processes work."""
    settings = {"engine": "ray", "readers": workers} if workers else {"engine": "local"}
    cpu: list[float] = []

    def note(progress: Progress) -> None:
        # When the workers are there, and when the last batch is committed and they still are.
        if not cpu or not progress.uri:
            cpu.append(cpu_seconds())

    began = time.perf_counter()
    with Rag.open(home, ingest=settings, trace={"enabled": False}) as rag:
        report = rag.ingest(documents, on_progress=note)
        whole = time.perf_counter() - began
    return {
        "seconds": report.seconds,
        "cpu_seconds": cpu[-1] - cpu[0],
        "seconds beyond": whole - report.seconds,
        "documents": report.added,
        "chunks": report.chunks,
    }


def cpu_seconds() -> float:
    """What this process and all that it started have used of the processors."""
    own = psutil.Process()
    total = 0.0
    for process in (own, *own.children(recursive=True)):
        with suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def differences(one: Path, other: Path) -> list[str]:
    """Where a home isn't what another is."""
    with Store.open(one) as first, Store.open(other) as second:
        found = []
        for name, query in (("documents", DOCUMENTS), ("chunks", CHUNKS)):
            if rows(first, query) != rows(second, query):
                found.append(name)
        one_matrix, other_matrix = (vectors(store) for store in (first, second))
    worst = float(np.abs(one_matrix - other_matrix).max()) if one_matrix.shape == other_matrix.shape else 1.0
    return found + ([f"vectors, by {worst:.4f}"] if worst > TOLERANCE else [])


def rows(store: Store, query: str) -> list[tuple[Any, ...]]:
    """What a query finds."""
    with store.reading() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def vectors(store: Store) -> NDArray[np.float32]:
    """All vectors, in order of their chunks."""
    return np.array([np.frombuffer(row[0], np.float16) for row in rows(store, VECTORS)], np.float32)


if __name__ == "__main__":
    main()
