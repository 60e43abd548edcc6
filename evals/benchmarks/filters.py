"""How well and how fast filtered searches find what an exact search finds, at several selectivities.

    python evals/benchmarks/filters.py FOLDER... [--vectors FILE] [--kind hnsw]

Each FOLDER is a set in the BEIR layout, or holds .md, .rst and .txt files. Their texts are cut into windows
of 90 words, each a document of one chunk in a store of its own, with a number at random and its place among
all as metadata. A filter on the number passes chunks here and there; one on the place passes neighbours,
which are about the same things. Queries are the BEIR sets' own. With --vectors, the windows' vectors are kept
in a file.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ragent.config import EmbedderSettings, IndexSettings, RetrievalSettings
from ragent.embedding import open_embedder
from ragent.filters import Filter, parse_filter
from ragent.protocols import Embedder, Ids, Vectors
from ragent.retrieval import HybridRetriever, Indexes
from ragent.retrieval.planner import Planner, Scope, nearest
from ragent.store import Collection, NewDocument, Store
from ragent.types import Chunk, Document, SearchOptions

SELECTIVITIES = (0.5, 0.1, 0.01, 0.001)
WORDS, FEWEST_WORDS = 90, 15
K = 10
DOCUMENTS_A_BATCH = 2000


def main() -> None:
    """Print recall@10 against the exact search, and milliseconds of CPU a query."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--vectors", type=Path, metavar="FILE.npy")
    parser.add_argument("--kind", default="hnsw")
    parser.add_argument("--queries", type=int, default=200)
    arguments = parser.parse_args()
    embedder = open_embedder(EmbedderSettings(threads=1))
    texts = [text for folder in arguments.folders for text in windows(folder, embedder)]
    vectors = load_or_embed(arguments.vectors, texts, embedder)
    queries = [text for folder in arguments.folders for text in queries_of(folder)][: arguments.queries]
    with tempfile.TemporaryDirectory() as home, Store.open(Path(home)) as store:
        collection = fill(store, embedder, texts, vectors)
        indexes = Indexes(store, collection, IndexSettings(kind=arguments.kind))
        indexes.refresh()
        retriever = HybridRetriever(store, collection, indexes, embedder, RetrievalSettings())
        print(f"{len(texts)} chunks, {len(queries)} queries, {arguments.kind}")
        print("filter                    passing   first ms   way     recall@10   dense ms", end="")
        print("   all scanned   all walked   whole ms")
        asked = embedder.embed_queries(queries)
        for name, where in filters(len(texts)):
            report(name, where, retriever, (queries, asked), (store, collection, indexes))


def filters(total: int) -> Iterator[tuple[str, Filter]]:
    """Filters of each selectivity, over the random number and over the place."""
    for share in SELECTIVITIES:
        yield f"number, {share:.1%}", parse_filter({"number": {"<": share}})
        first = int(total * (1 - share) / 2)
        yield f"place, {share:.1%}", parse_filter({"place": {">=": first, "<": first + int(total * share)}})


def report(
    name: str,
    where: Filter,
    retriever: HybridRetriever,
    asked: tuple[Sequence[str], Vectors],
    over: tuple[Store, Collection, Indexes],
) -> None:
    """Print a line of the table."""
    store, collection, indexes = over
    queries, vectors = asked
    with indexes.view() as view:
        planner = Planner(store, collection)
        began = time.process_time()
        scope = planner.scope(where, view)
        first = 1000 * (time.process_time() - began)
        assert scope is not None
        exact = [exactly(view.dense.score(vector, scope.ids), scope.ids) for vector in vectors]
        began = time.process_time()
        found = [nearest(view.dense, vector, K, scope)[0] for vector in vectors]
        dense = per_query(began, queries)
        began = time.process_time()
        for vector in vectors:
            scanned(view.dense.score(vector, scope.ids), scope)
        by_scan = per_query(began, queries)
        began = time.process_time()
        for vector in vectors:
            view.dense.search(vector[None], K, scope.ids)
        by_walk = per_query(began, queries)
    recall = np.mean([len(set(a) & set(b)) / max(1, len(b)) for a, b in zip(found, exact, strict=True)])
    began = time.process_time()
    for query in queries:
        retriever.search(query, K, SearchOptions(where=where))
    hybrid = per_query(began, queries)
    print(
        f"{name:24} {len(scope.ids):8} {first:10.1f}   {scope.way:6} {recall:10.4f} {dense:10.3f}"
        f" {by_scan:13.3f} {by_walk:12.3f} {hybrid:11.3f}"
    )


def exactly(scores: Vectors, ids: Ids) -> list[int]:
    """The ten best."""
    return [int(i) for i in ids[np.lexsort((ids, -scores))[:K]]]


def scanned(scores: Vectors, scope: Scope) -> Ids:
    """The same, faster."""
    best = (
        np.argpartition(-scores, min(K, len(scores) - 1))[:K] if len(scores) > K else np.arange(len(scores))
    )
    return scope.ids[best[np.argsort(-scores[best])]]


def per_query(began: float, queries: Sequence[str]) -> float:
    """Milliseconds of CPU a query since a moment."""
    return 1000 * (time.process_time() - began) / len(queries)


def fill(store: Store, embedder: Embedder, texts: Sequence[str], vectors: Vectors) -> Collection:
    """A store of these chunks."""
    collection = store.ensure_collection("default", embedder.fingerprint)
    numbers = random.Random(0)
    documents = [
        NewDocument(
            Document(f"text:{n}", "", text, "text/plain", metadata={"number": numbers.random(), "place": n}),
            "1",
            str(n),
            (Chunk(0, len(text), text, "", 1),),
            vectors[n : n + 1],
        )
        for n, text in enumerate(texts)
    ]
    for first in range(0, len(documents), DOCUMENTS_A_BATCH):
        store.write(collection, documents[first : first + DOCUMENTS_A_BATCH])
    return collection


def windows(folder: Path, embedder: Embedder) -> Iterator[str]:
    """Windows of a folder's texts, none longer than the embedder reads."""
    for text in texts_of(folder):
        words = text.split()
        for first in range(0, len(words), WORDS):
            if len(words) - first >= FEWEST_WORDS:
                window = " ".join(words[first : first + WORDS])
                offsets = embedder.tokenizer.offsets(window)
                most = embedder.max_tokens
                yield window if len(offsets) <= most else window[: offsets[most - 1][1]]


def texts_of(folder: Path) -> Iterator[str]:
    """The texts of a BEIR corpus, or of the files of a folder."""
    if (folder / "corpus.jsonl").exists():
        for line in (folder / "corpus.jsonl").read_text("utf-8").splitlines():
            document = json.loads(line)
            yield f"{document.get('title', '')} {document['text']}"
        return
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".md", ".rst", ".txt"):
            yield path.read_text("utf-8", "replace")


def queries_of(folder: Path) -> list[str]:
    """The queries of a BEIR set; none of another folder."""
    path = folder / "queries.jsonl"
    return (
        [json.loads(line)["text"] for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    )


def load_or_embed(path: Path | None, texts: Sequence[str], embedder: Embedder) -> Vectors:
    """The vectors of the texts, from a file if there is one."""
    if path and path.exists():
        loaded: Vectors = np.load(path).astype(np.float32)
        if len(loaded) == len(texts):
            return loaded
    vectors = embedder.embed_documents(texts)
    if path:
        np.save(path, vectors.astype(np.float16))
    return vectors


if __name__ == "__main__":
    main()
