"""Where the time of ingestion goes, what doing it again costs, and how much memory it takes.

    python evals/benchmarks/ingestion.py FOLDER [--files N] [--json FILE]
    python evals/benchmarks/ingestion.py --generate 10000

The folder is copied (or made: small documents, and every thousandth a large one) and ingested into a fresh
home through the library as any user would; then `ragent ingest` runs again as a process of its own:
unchanged, after touching 1 % of the files, and after changing 1 % of them. The share of everything but
embedding is what the first run, indexes included, takes beyond calls of the embedder: of the wall clock,
and of the processor seconds of all processes, which other work on the machine doesn't distort. Then each
stage runs alone, one file after the other in this process, for the processor seconds that it takes by
itself.

Memory is that of all processes together beyond what this one had when the model was loaded, sampled: all
that is resident, where shared pages count once per process, and what is private, so without the database's
file and the libraries that are mapped. The private part is printed over the run, because it must not grow
with the number of documents.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import psutil  # type: ignore[import-untyped]
from numpy.typing import NDArray

from ragent.chunking import Shape, StructureChunker
from ragent.errors import RagentError
from ragent.ingest import parse
from ragent.ingest.choosing import open_source
from ragent.ingest.minhash import signature
from ragent.ingest.work import hash_of
from ragent.protocols import Embedder, Tokenizer, Vectors
from ragent.rag import Rag
from ragent.types import Fingerprint, IngestReport, RawDocument

Made = TypeVar("Made")
LARGE_EVERY = 1000


@dataclass
class Clock:
    """Seconds by the wall clock and of the processors, those of ended child processes included."""

    wall: float = 0.0
    cpu: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time of the block."""
        wall, cpu = time.perf_counter(), _cpu_seconds()
        try:
            yield
        finally:
            self.wall += time.perf_counter() - wall
            self.cpu += _cpu_seconds() - cpu


def _cpu_seconds() -> float:
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


@dataclass
class Timed:
    """An embedder that counts its seconds. Those of the processor count what other threads do meanwhile."""

    inner: Embedder
    clock: Clock = field(default_factory=Clock)
    fingerprint: Fingerprint = field(init=False)
    max_tokens: int = field(init=False)
    tokenizer: Tokenizer = field(init=False)

    def __post_init__(self) -> None:
        self.fingerprint = self.inner.fingerprint
        self.max_tokens = self.inner.max_tokens
        self.tokenizer = self.inner.tokenizer

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder`."""
        with self.clock.running():
            return self.inner.embed_documents(texts)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder`."""
        return self.inner.embed_queries(texts)


@dataclass
class Memory:
    """MB of all processes together over time, beyond what they had at first; and of the largest process."""

    resident: list[float] = field(default_factory=list)
    private: list[float] = field(default_factory=list)
    largest: float = 0.0

    @contextmanager
    def sampling(self) -> Iterator[None]:
        """Look every 50 ms while the block runs."""
        over = threading.Event()
        first = _sizes().sum(axis=0)

        def sample() -> None:
            while not over.wait(0.05):
                sizes = _sizes()
                resident, private = sizes.sum(axis=0) - first
                self.resident.append(float(resident))
                self.private.append(float(private))
                self.largest = max(self.largest, float(sizes[:, 0].max()))

        thread = threading.Thread(target=sample, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def over_time(self, parts: int = 10) -> list[int]:
        """The peak of each of so many equal parts of the time, of private memory."""
        step = max(1, -(-len(self.private) // parts))
        firsts = range(0, len(self.private), step)
        return [round(max(self.private[first : first + step])) for first in firsts]


def _sizes() -> NDArray[np.float64]:
    """A row a process: MB resident, and private."""
    own = psutil.Process()
    sizes = []
    for process in (own, *own.children(recursive=True)):
        try:
            memory = process.memory_info()
        except psutil.Error:
            continue
        sizes.append((memory.rss / 1e6, (memory.rss - memory.shared) / 1e6))
    return np.array(sizes)


def main() -> None:
    """Run the benchmark and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--files", type=int, default=0, help="take only so many files, evenly spaced")
    parser.add_argument("--generate", type=int, default=0, help="make so many documents instead")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    args = parser.parse_args()
    if bool(args.folder) == bool(args.generate):
        parser.error("name a folder, or --generate N")
    with tempfile.TemporaryDirectory() as temporary:
        documents, home = Path(temporary) / "documents", Path(temporary) / "home"
        if args.generate:
            files = _generate(documents, args.generate)
        else:
            files = _copy(args.folder, documents, args.files)
        figures = {"files": len(files)} | _first(home, documents) | _again(home, documents, files)
        if not args.generate:
            figures |= {"stages": _stages(files)}
    for name, value in figures.items():
        print(f"{name:28}", value if not isinstance(value, float) else f"{value:.4g}")
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n")


def _copy(folder: Path, to: Path, most: int) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    step = max(1, len(found) // most) if most else 1
    copies = []
    for path in found[::step]:
        copy = to / path.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        copies.append(copy)
    return copies


def _generate(folder: Path, count: int) -> list[Path]:
    """Documents of 60 words; every thousandth has 60,000."""
    rng = random.Random(1)
    words = ["".join(rng.choices("abcdefghiklmnoprstuvw", k=rng.randint(2, 9))) for _ in range(5000)]
    files = []
    for number in range(count):
        path = folder / f"{number // 1000:03}" / f"{number:05}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        length = 60_000 if number % LARGE_EVERY == LARGE_EVERY // 2 else 60
        paragraphs = [" ".join(rng.choices(words, k=20)) + "." for _ in range(length // 20)]
        path.write_text("\n\n".join(paragraphs))
        files.append(path)
    return files


def _first(home: Path, documents: Path) -> dict[str, Any]:
    memory, whole, indexing = Memory(), Clock(), Clock()
    with Rag.open(home) as rag:
        embedder = Timed(rag.embedder)
        embedder.inner.embed_documents(["The model is loaded when the first text is read."])
        rag._parts._opened["embedder"] = embedder
        with memory.sampling(), whole.running():
            report: IngestReport = rag.ingest(documents)
            with indexing.running():
                rag.refresh_indexes()
    return {
        "added": report.added,
        "failed": len(report.failed),
        "chunks": report.chunks,
        "first_s": whole.wall,
        "first_cpu_s": whole.cpu,
        "embedding_s": embedder.clock.wall,
        "embedding_cpu_s": embedder.clock.cpu,
        "indexing_s": indexing.wall,
        "indexing_cpu_s": indexing.cpu,
        "share_beyond_embedding": 1 - embedder.clock.wall / whole.wall,
        "share_beyond_embedding_cpu": 1 - embedder.clock.cpu / whole.cpu,
        "peak_mb_beyond_model": max(memory.resident),
        "peak_mb_largest_process": memory.largest,
        "private_mb_over_time": memory.over_time(),
    }


def _again(home: Path, documents: Path, files: Sequence[Path]) -> dict[str, Any]:
    some = files[:: max(1, len(files) // max(1, len(files) // 100))]
    figures: dict[str, Any] = {}
    steps: tuple[tuple[str, Callable[[Path], None]], ...] = (
        ("unchanged", lambda path: None),
        ("touched_1_percent", os.utime),
        ("changed_1_percent", _add),
    )
    for name, prepare in steps:
        for path in some:
            prepare(path)
        clock = Clock()
        command = [sys.executable, "-m", "ragent.cli", "--home", str(home), "ingest", str(documents)]
        with clock.running():
            ran = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
        report = json.loads(ran.stdout)
        figures |= {f"{name}_s": clock.wall, f"{name}_cpu_s": clock.cpu}
        figures |= {f"{name}_embedded": report["embedded"], f"{name}_updated": report["updated"]}
    return figures


def _add(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\n\nOne more sentence at the end.\n")


def _stages(files: Sequence[Path]) -> dict[str, float]:
    """Processor seconds of each stage alone."""
    spent: defaultdict[str, float] = defaultdict(float)
    with Rag.open(tempfile.gettempdir()) as rag:
        embedder = rag.embedder
    chunker = StructureChunker(embedder.tokenizer, Shape(embedder.max_tokens))

    def timed(stage: str, work: Callable[[], Made]) -> Made:
        began = time.process_time()
        try:
            return work()
        finally:
            spent[stage] += time.process_time() - began

    for path in files:
        try:
            raw = timed("read", partial(_load, path))
            timed("hash", partial(hash_of, raw))
            document = timed("parse", partial(parse, raw))
        except RagentError:
            continue
        timed("sign", partial(signature, document.text))
        timed("chunk", partial(chunker.chunk, document))
    return {stage: round(seconds, 3) for stage, seconds in spent.items()}


def _load(path: Path) -> RawDocument:
    source = open_source(str(path), max_bytes=100_000_000)
    return source.load(next(iter(source.items())))


if __name__ == "__main__":
    main()
