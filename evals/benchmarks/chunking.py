"""How well the passages of each chunker hold what a question is about, and nothing else.

    python evals/benchmarks/chunking.py FOLDER [--k 5] [--methods structure,fixed] [--targets 180,200]
                                        [--overlap 40] [--expand 400] [--characters]

FOLDER holds `corpora/NAME.md` or `.txt`, and `questions.jsonl` of {question, corpus_id, references:
[{start_index, end_index}]}: the stretches of the corpus that answer it. For each chunker all corpora are put
into one home and searched with ragent's default retrieval.

Recall, precision and IoU are those of Smith and Troynikov, "Evaluating chunking strategies for retrieval"
(Chroma 2024), by the embedder's tokens, or by characters as their own program counts: of what is relevant
how much was retrieved, the other way around, and their intersection over union; text retrieved twice counts
twice. Below each chunker's means over all questions stand those of each corpus. Each text is embedded once,
whichever chunkers make it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragent.chunking import embedding_text, make_chunker
from ragent.config import ChunkingSettings, EmbedderSettings, IndexSettings, RetrievalSettings
from ragent.embedding import open_embedder
from ragent.ingest.parsing import parse
from ragent.protocols import Embedder, Tokenizer, Vectors
from ragent.retrieval import HybridRetriever, Indexes
from ragent.store import NewDocument, Store
from ragent.types import Chunk, Document, Fingerprint, Hit, RawDocument
from ragent_evals.estimates import interval
from ragent_evals.metrics.chunks.overlap import Places, Stretch, overlap, units_in

MEASURES = ("recall", "precision", "IoU")
METHODS = ("structure", "recursive", "sentences", "semantic", "code")
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Remembering:
    """An embedder that embeds each text once."""

    inner: Embedder
    known: dict[str, Vectors] = field(default_factory=dict)

    @property
    def fingerprint(self) -> Fingerprint:
        return self.inner.fingerprint

    @property
    def max_tokens(self) -> int:
        return self.inner.max_tokens

    @property
    def tokenizer(self) -> Tokenizer:
        return self.inner.tokenizer

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder`."""
        new = [text for text in dict.fromkeys(texts) if text not in self.known]
        if new:
            self.known.update(zip(new, self.inner.embed_documents(new), strict=True))
        return np.array([self.known[text] for text in texts], np.float32)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder`."""
        return self.inner.embed_queries(texts)


@dataclass(frozen=True, slots=True)
class Result:
    """`values`: a row a question, in columns recall, precision and IoU; `corpora`: the corpus of each."""

    name: str
    chunks: int
    mean_tokens: float
    mean_characters: float
    values: Values
    corpora: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bench:
    """The set, read once."""

    documents: dict[str, Document]
    questions: list[dict[str, Any]]
    embedder: Remembering
    places: dict[str, Places]
    retrieval: RetrievalSettings
    k: int

    def run(self, name: str, settings: ChunkingSettings) -> Result:
        """Chunk, embed, store and search."""
        chunker = make_chunker(settings, self.embedder)
        chunks = {corpus: chunker.chunk(document) for corpus, document in self.documents.items()}
        queries = [question["question"] for question in self.questions]
        with tempfile.TemporaryDirectory() as home, Store.open(Path(home)) as store:
            collection = store.ensure_collection("default", self.embedder.fingerprint)
            store.write(collection, [self._written(corpus, chunks[corpus]) for corpus in chunks])
            indexes = Indexes(store, collection, IndexSettings())
            retriever = HybridRetriever(store, collection, indexes, self.embedder, self.retrieval)
            found = [result.hits for result in retriever.search_many(queries, self.k)]
        values = [
            scores(question, self.places, {self.documents[name].uri: name for name in self.documents}, hits)
            for question, hits in zip(self.questions, found, strict=True)
        ]
        corpora = tuple(question["corpus_id"] for question in self.questions)
        every = [chunk for some in chunks.values() for chunk in some]
        tokens = self.embedder.tokenizer.count([chunk.text for chunk in every])
        lengths = [len(chunk.text) for chunk in every]
        means = float(np.mean(tokens)), float(np.mean(lengths))
        return Result(name, len(every), *means, np.array(values), corpora)

    def _written(self, corpus: str, chunks: list[Chunk]) -> NewDocument:
        vectors = self.embedder.embed_documents([embedding_text(c.context, c.text) for c in chunks])
        return NewDocument(self.documents[corpus], "1", corpus, tuple(chunks), vectors)


def main() -> None:
    """Print a table of the chunkers, each against fixed chunks of the same mean length."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--methods", default=",".join(METHODS), help="of [chunking], by commas")
    parser.add_argument(
        "--targets", default=str(ChunkingSettings().target_tokens), help="target_tokens, by commas"
    )
    parser.add_argument("--overlap", type=int, default=0)
    parser.add_argument("--expand", type=int, default=0, help="expand_tokens of [retrieval]")
    parser.add_argument("--expand-sentences", type=int, default=0, help="expand_sentences of [retrieval]")
    parser.add_argument("--characters", action="store_true", help="count characters instead of tokens")
    arguments = parser.parse_args()
    retrieval = RetrievalSettings(expand_tokens=arguments.expand, expand_sentences=arguments.expand_sentences)
    bench = read(arguments.folder, retrieval, arguments.k, characters=arguments.characters)
    print(f"{'':26} {'chunks':>6} {'tokens':>6} {'chars':>6}" + "".join(f"{m:>20}" for m in MEASURES))
    for target in map(int, arguments.targets.split(",")):
        for method in arguments.methods.split(","):
            settings = ChunkingSettings(method=method, target_tokens=target, overlap=arguments.overlap)
            result = bench.run(f"{method} {target}", settings)
            print_row(result)
            print_corpora(result)
            if method == "fixed":
                continue
            even = ChunkingSettings(method="fixed", target_tokens=round(result.mean_tokens))
            fixed = bench.run(f"  fixed {even.target_tokens}", even)
            print_row(fixed)
            print_difference(result, fixed)


def read(folder: Path, retrieval: RetrievalSettings, k: int, *, characters: bool) -> Bench:
    """The documents as ragent parses them; every offset must still hold."""
    documents = {}
    for path in sorted((folder / "corpora").iterdir()):
        text = path.read_bytes().decode()
        document = parse(RawDocument(path.resolve().as_uri(), path.name, text.encode()))
        if document.text != text:
            raise SystemExit(f"{path}: its text is not the parsed one, so the excerpts' offsets don't hold")
        documents[path.stem] = document
    lines = (folder / "questions.jsonl").read_text("utf-8").splitlines()
    embedder = Remembering(open_embedder(EmbedderSettings()))
    places = {
        name: Places(np.arange(len(document.text)) if characters else _token_starts(embedder, document.text))
        for name, document in documents.items()
    }
    questions = [json.loads(line) for line in lines if line.strip()]
    return Bench(documents, questions, embedder, places, retrieval, k)


def _token_starts(embedder: Embedder, text: str) -> NDArray[np.int64]:
    starts = [start for start, _ in embedder.tokenizer.offsets(text)]
    return np.array(starts, np.int64)


def scores(
    question: dict[str, Any], places: dict[str, Places], names: dict[str, str], hits: Sequence[Hit]
) -> tuple[float, float, float]:
    """Recall, precision and IoU of one question. `names`: the corpora by uri."""
    corpus = question["corpus_id"]
    wanted = [Stretch(corpus, each["start_index"], each["end_index"]) for each in question["references"]]
    retrieved = [Stretch(names[hit.uri], hit.start, hit.end) for hit in hits]
    compared = overlap(wanted, retrieved, units_in(places))
    return compared.recall, compared.precision, compared.iou


def print_row(result: Result) -> None:
    """Percentages, with their 95 % bootstrap intervals."""
    means, (low, high) = result.values.mean(axis=0), interval(result.values)
    cells = [f"{100 * m:.1f} ({100 * a:.1f}-{100 * b:.1f})" for m, a, b in zip(means, low, high, strict=True)]
    sizes = f"{result.chunks:6} {result.mean_tokens:6.0f} {result.mean_characters:6.0f}"
    print(f"{result.name:26} {sizes}" + "".join(f"{cell:>20}" for cell in cells), flush=True)


def print_corpora(result: Result) -> None:
    """Means over the questions of each corpus."""
    for corpus in sorted(set(result.corpora)):
        means = result.values[np.array(result.corpora) == corpus].mean(axis=0)
        print(f"  {corpus:24} {'':20}" + "".join(f"{100 * mean:20.1f}" for mean in means), flush=True)


def print_difference(left: Result, right: Result) -> None:
    """The paired difference of two chunkers over the same questions."""
    differences = left.values - right.values
    means, (low, high) = differences.mean(axis=0), interval(differences)
    cells = [
        f"{100 * m:+.1f} ({100 * a:+.1f}-{100 * b:+.1f})" for m, a, b in zip(means, low, high, strict=True)
    ]
    print(f"{'  difference':26} {'':20}" + "".join(f"{cell:>20}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
