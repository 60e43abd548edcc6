"""Where the time of ingestion goes, what doing it again costs, and how much memory it takes.

    python evals/benchmarks/ingestion.py FOLDER [--files N] [--json FILE]

The folder is copied, ingested into a fresh home through the library as any user would, ingested again
unchanged, after touching 1 % of the files, and after changing 1 % of them. The share of everything but
embedding is what the wall-clock time of the first run, indexes included, has beyond calls of the embedder.
Then each stage runs alone, one file after the other in this process, for the CPU seconds that it takes by
itself. Memory is that of all processes together, sampled; shared pages count once per process.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from ragent.chunking import Shape, StructureChunker
from ragent.errors import RagentError
from ragent.ingest import parse
from ragent.ingest.choosing import open_source
from ragent.ingest.minhash import signature
from ragent.ingest.work import hash_of
from ragent.protocols import Embedder, Tokenizer, Vectors
from ragent.rag import Rag
from ragent.types import Fingerprint, IngestReport


@dataclass
class Timed:
    """An embedder that counts its seconds and texts."""

    inner: Embedder
    seconds: float = 0.0
    texts: int = 0
    fingerprint: Fingerprint = field(init=False)
    max_tokens: int = field(init=False)
    tokenizer: Tokenizer = field(init=False)

    def __post_init__(self) -> None:
        self.fingerprint = self.inner.fingerprint
        self.max_tokens = self.inner.max_tokens
        self.tokenizer = self.inner.tokenizer

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        began = time.perf_counter()
        vectors = self.inner.embed_documents(texts)
        self.seconds += time.perf_counter() - began
        self.texts += len(texts)
        return vectors

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self.inner.embed_queries(texts)


@dataclass
class Memory:
    """Peaks, in MB: of all processes together, and of the largest of them."""

    together: float = 0.0
    largest: float = 0.0


def main() -> None:
    """Run the benchmark and print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=0, help="take only so many files, evenly spaced")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        documents, home = Path(temporary) / "documents", Path(temporary) / "home"
        files = _copy(args.folder, documents, args.files)
        figures = {"files": len(files)} | _runs(home, documents, files) | {"stages": _stages(files)}
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


def _runs(home: Path, documents: Path, files: Sequence[Path]) -> dict[str, Any]:
    memory = Memory()
    with _sampling(memory):
        first, embedder, report = _ingest(home, documents)
    figures: dict[str, Any] = {
        "added": report.added,
        "failed": len(report.failed),
        "chunks": report.chunks,
        "first_s": first,
        "embedding_s": embedder.seconds,
        "share_beyond_embedding": 1 - embedder.seconds / first,
        "peak_mb_together": memory.together,
        "peak_mb_largest_process": memory.largest,
    }
    some = files[:: max(1, len(files) // max(1, len(files) // 100))]

    def touch() -> None:
        for path in some:
            os.utime(path)

    def change() -> None:
        for path in some:
            with path.open("ab") as file:
                file.write(b"\n\nOne more sentence at the end.\n")

    for name, prepare in (
        ("unchanged", lambda: None),
        ("touched_1_percent", touch),
        ("changed_1_percent", change),
    ):
        prepare()
        seconds, embedder, report = _ingest(home, documents)
        figures[f"{name}_s"] = seconds
        figures[f"{name}_ratio"] = seconds / first
        figures[f"{name}_embedded"] = embedder.texts
    return figures


def _ingest(home: Path, documents: Path) -> tuple[float, Timed, IngestReport]:
    """Ingest and bring the indexes up to date, opening everything anew as the command line does."""
    began = time.perf_counter()
    with Rag.open(home) as rag:
        embedder = Timed(rag.embedder)
        rag._parts["embedder"] = embedder
        report = rag.ingest(documents)
        if report.added or report.updated:
            rag.refresh_indexes()
    return time.perf_counter() - began, embedder, report


def _stages(files: Sequence[Path]) -> dict[str, float]:
    """CPU seconds of each stage alone."""
    spent: Counter[str] = Counter()
    with Rag.open(tempfile.gettempdir()) as rag:
        embedder = rag.embedder
    chunker = StructureChunker(embedder.tokenizer, Shape(embedder.max_tokens))

    def timed(stage: str, work: Callable[[], Any]) -> Any:
        began = time.process_time()
        try:
            return work()
        finally:
            spent[stage] += time.process_time() - began

    for path in files:
        source = open_source(str(path), max_bytes=100_000_000)
        try:
            raw = timed("read", lambda source=source: source.load(next(iter(source.items()))))
            timed("hash", lambda raw=raw: hash_of(raw))
            document = timed("parse", lambda raw=raw: parse(raw))
        except RagentError:
            continue
        timed("sign", lambda document=document: signature(document.text))
        timed("chunk", lambda document=document: chunker.chunk(document))
    return {stage: round(seconds, 3) for stage, seconds in spent.items()}


@contextmanager
def _sampling(memory: Memory) -> Iterator[None]:
    over = threading.Event()

    def sample() -> None:
        own = psutil.Process()
        while not over.wait(0.05):
            sizes = []
            for process in (own, *own.children(recursive=True)):
                try:
                    sizes.append(process.memory_info().rss / 1e6)
                except psutil.Error:
                    continue
            memory.together = max(memory.together, sum(sizes))
            memory.largest = max(memory.largest, *sizes)

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


if __name__ == "__main__":
    main()
