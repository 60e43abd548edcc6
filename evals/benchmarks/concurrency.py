"""Many write and read one home at once: is anything lost, doubled or wrong, and how long does each wait?

    python evals/benchmarks/concurrency.py --url postgresql+psycopg://user@host/empty_database
    python evals/benchmarks/concurrency.py --sqlite --seconds 30

Without either, a private PostgreSQL server is started for the run. Each writer and reader is a process of its
own. Writers ingest, replace and remove documents that are theirs alone, and such that all of them write;
half of them in one collection, half in another. Readers search by words and vectors through the retriever of
`rag.search`, and read documents. The embedder is a hash of words: the database is on trial, not a model.

On each read it must hold that a hit is of the collection that was searched and has its own document's words;
that, as of one moment, a chunk is its document's text from `start` to `end` and a document has all of its
chunks; and that generations never go back. At the end each document must be what its writers' ledgers say (of
a shared one: what one of them committed last), once, and `fsck` must find nothing.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from sqlalchemy import func, select
from xxhash import xxh32_intdigest

from ragent.config import IngestSettings
from ragent.errors import QueryError
from ragent.ingest import Callbacks, Ingestor, Origin
from ragent.ingest.reading import Here
from ragent.protocols import Vectors
from ragent.rag import Rag
from ragent.store import Batch, Store
from ragent.store.tables import ChunkRow, DocumentRow
from ragent.types import Chunk, Document, DocumentReport, Fingerprint, Item, RawDocument
from scripts.private_postgres import PrivatePostgres, find_binaries

COLLECTIONS = ("left", "right")
DIMENSION = 32
FINGERPRINT = Fingerprint("words", "1", "mean", "", "", DIMENSION, normalized=True)
OWN, SHARED, A_TIME = 30, 40, 6
AT_FIRST = "at first"
LINES = 8
THINGS = ("lamp", "rope", "crate", "ladder", "barrel", "anchor", "lantern", "bucket", "hammer", "compass")
COLOURS = ("red", "green", "blue", "black", "white", "amber", "violet", "olive", "teal", "coral")


@dataclass(frozen=True)
class Words:
    """Texts that share words are alike."""

    max_tokens: int = 1000
    fingerprint: Fingerprint = FINGERPRINT

    @property
    def tokenizer(self) -> Words:
        return self

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Where each token stands."""
        return [match.span() for match in re.finditer(r"\S+", text)]

    def count(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each has."""
        return [len(text.split()) for text in texts]

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder`."""
        vectors = np.full((len(texts), DIMENSION), 1e-3, np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in text.split():
                row[xxh32_intdigest(word.encode()) % DIMENSION] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder`."""
        return self.embed_documents(texts)


class Lines:
    """One chunk a line."""

    def chunk(self, document: Document) -> list[Chunk]:
        """See `Chunker`."""
        found, start = [], 0
        for line in document.text.split("\n"):
            found.append(Chunk(start, start + len(line), line, "", len(line.split())))
            start += len(line) + 1
        return found


@dataclass(frozen=True)
class Given:
    """A source of given texts."""

    texts: dict[str, str]
    uri: str = "given:"

    def items(self) -> Iterator[Item]:
        """See `Source`."""
        for uri, text in self.texts.items():
            yield Item(uri, text.partition("\n")[0])

    def load(self, item: Item) -> RawDocument:
        """See `Source`."""
        return RawDocument(item.uri, item.uri, self.texts[item.uri].encode())


@dataclass(frozen=True)
class Place:
    """The home, and how long and hard to work on it."""

    home: Path
    url: str
    seconds: float


@dataclass
class Told:
    """What a writer or reader did: counts, seconds of each operation, and whatever was wrong.

    `ledger`: by (collection, uri), the text that a writer committed last; None where it removed the document.
    """

    done: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list)
    ledger: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def timed(self, name: str, began: float) -> None:
        """Note an operation that began then."""
        self.done[name] += 1
        self.seconds[name].append(time.perf_counter() - began)


def main() -> None:
    """Run, print the figures, and exit with 1 if anything was wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--url", help="an empty PostgreSQL database")
    where.add_argument("--sqlite", action="store_true", help="a home of SQLite's instead")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--readers", type=int, default=16)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    args = parser.parse_args()
    with ExitStack() as stack:
        url = args.url or ""
        if not url and not args.sqlite:
            binaries = find_binaries()
            if binaries is None:
                parser.error("no PostgreSQL with pgvector here: name one by --url")
            url = stack.enter_context(PrivatePostgres(binaries, durable=True)).make_database()
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        context = multiprocessing.get_context("spawn")
        pool = stack.enter_context(ProcessPoolExecutor(args.writers + args.readers, mp_context=context))
        figures, wrong = trial(pool, Place(home, url, args.seconds), args.writers, args.readers)
    for name, value in figures.items():
        print(f"{name:28}", value)
    print(*wrong[:20], f"{len(wrong)} wrong", sep="\n")
    if args.json:
        args.json.write_text(json.dumps(figures | {"wrong": wrong}, indent=1) + "\n")
    sys.exit(1 if wrong else 0)


def trial(pool: Executor, place: Place, writers: int, readers: int) -> tuple[dict[str, object], list[str]]:
    """Let them all work at once; the figures, and all that was wrong."""
    for collection in COLLECTIONS:
        prepare(place, collection)
    writing = [pool.submit(write, place, number) for number in range(writers)]
    reading = [pool.submit(read, place, number) for number in range(readers)]
    told = [each.result() for each in (*writing, *reading)]
    wrong = [one for each in told for one in each.wrong]
    wrong += [problem for collection in COLLECTIONS for problem in compare(place, collection, told)]
    with opened(place, COLLECTIONS[0]) as rag:
        wrong += [f"fsck: {problem.where} {problem.what}" for problem in rag.fsck()]
    done = sum((each.done for each in told), Counter())
    figures: dict[str, object] = {"database": "PostgreSQL" if place.url else "SQLite"}
    figures |= {"writers": writers, "readers": readers, "seconds": place.seconds}
    figures |= {"load_1_minute": round(os.getloadavg()[0], 1), "cores": os.cpu_count()} | dict(done)
    for name in sorted(done):
        spent = [seconds for each in told for seconds in each.seconds.get(name, ())]
        if spent:
            p50, p99 = np.percentile(spent, [50, 99]) * 1000
            figures |= {f"{name}_p50_ms": round(p50, 1), f"{name}_p99_ms": round(p99, 1)}
    return figures, wrong


def opened(place: Place, collection: str) -> Rag:
    """A Rag over the home, with the embedder of words."""
    rag = Rag.open(place.home, collection=collection, store={"url": place.url}, trace={"enabled": False})
    rag._parts._opened["embedder"] = Words()
    return rag


def prepare(place: Place, collection: str) -> None:
    """A collection with all shared documents in it."""
    uris = [f"{collection}/shared/{number}" for number in range(SHARED)]
    with Store.open(place.home, place.url) as store:
        ingest(store, collection, {uri: text_of(uri, AT_FIRST) for uri in uris}, Told())


# -- writing --------------------------------------------------------------------------------------------


def write(place: Place, number: int) -> Told:
    """Ingest, replace and remove, in one of the collections, until the time is over."""
    told, rng = Told(), random.Random(number)
    collection = COLLECTIONS[number % len(COLLECTIONS)]
    own = [f"{collection}/of-{number}/{index}" for index in range(OWN)]
    shared = [f"{collection}/shared/{index}" for index in range(SHARED)]
    try:
        with Store.open(place.home, place.url) as store:
            over = time.monotonic() + place.seconds
            for turn in range(sys.maxsize):
                if time.monotonic() > over:
                    break
                uris = rng.sample(own, A_TIME // 2) + rng.sample(shared, A_TIME // 2)
                began = time.perf_counter()
                if turn % 4 == 3:
                    remove(store, collection, uris, told)
                    told.timed("removals", began)
                else:
                    texts = {uri: text_of(uri, f"in turn {turn} of {number}") for uri in uris}
                    ingest(store, collection, texts, told)
                    told.timed("ingestions", began)
    except Exception as error:
        told.wrong.append(f"writer {number}: {type(error).__name__}: {error}")
    return told


def text_of(uri: str, which: str) -> str:
    """Lines that all name their document and version."""
    rng = random.Random(f"{uri} {which}")
    lines = [f"{uri} as written {which}"]
    lines += [
        f"{uri} {which}: {rng.choice(COLOURS)} {rng.choice(THINGS)} {rng.random()}" for _ in range(LINES)
    ]
    return "\n".join(lines)


def ingest(store: Store, collection: str, texts: dict[str, str], told: Told) -> None:
    """Bring texts in, and note those that were committed."""
    embedder = Words()
    into = store.ensure_collection(collection, embedder.fingerprint)

    def note(document: DocumentReport) -> None:
        if document.status in ("added", "updated"):
            told.ledger[collection, document.uri] = texts[document.uri]
        elif document.status != "unchanged":
            told.wrong.append(f"{document.uri} {document.status}: {document.detail}")
        told.done[f"documents_{document.status}"] += 1

    ingestor = Ingestor(store, into, embedder, Lines(), IngestSettings(batch_chunks=20), Here())
    ingestor.run([Origin(Given(texts))], Callbacks(_parse, on_document=note))


def _parse(raw: RawDocument) -> Document:
    return Document(raw.uri, raw.uri, raw.data.decode(), "text/plain")


def remove(store: Store, collection: str, uris: Sequence[str], told: Told) -> None:
    """Remove documents, where they are there."""
    found = store.find_collection(collection)
    if found is None:
        raise LookupError(collection)
    known = store.known_documents(found.id, list(uris))
    store.apply(found, Batch(removed=[document.id for document in known.values()]))
    told.done["documents_removed"] += len(known)
    told.ledger |= {(collection, uri): None for uri in known}


# -- reading --------------------------------------------------------------------------------------------


def read(place: Place, number: int) -> Told:
    """Search, and look into documents, until the time is over."""
    told, rng = Told(), random.Random(-number)
    collection = COLLECTIONS[number % len(COLLECTIONS)]
    try:
        with opened(place, collection) as rag:
            generation, over = 0, time.monotonic() + place.seconds
            while time.monotonic() < over:
                now = rag.store.generation(rag.collection.id)
                if now < generation:
                    told.wrong.append(f"generation {now} after {generation} in {collection}")
                generation = now
                search(rag, f"{rng.choice(COLOURS)} {rng.choice(THINGS)}", told)
                look(rag, rng, told)
    except Exception as error:
        told.wrong.append(f"reader {number}: {type(error).__name__}: {error}")
    return told


def search(rag: Rag, query: str, told: Told) -> None:
    """Search; every hit must be of this collection, and its text its own document's."""
    began = time.perf_counter()
    try:
        hits = rag.search(query, 10).hits
    except QueryError as error:
        told.wrong.append(f"{query}: {error}")
        return
    told.timed("searches", began)
    told.done["hits"] += len(hits)
    prefix = f"{rag.settings.collection}/"
    for hit in hits:
        if not (hit.uri.startswith(prefix) and hit.text.startswith(hit.uri)):
            told.wrong.append(f"a hit in {prefix}: {hit.uri} {hit.text[:60]!r}")


def look(rag: Rag, rng: random.Random, told: Told) -> None:
    """Some documents as of one moment: each has all of its chunks, which stand where they say."""
    began = time.perf_counter()
    with rag.store.reading() as connection:
        ids = list(
            connection.scalars(select(DocumentRow.id).where(DocumentRow.collection_id == rag.collection.id))
        )
        for id_ in rng.sample(ids, min(3, len(ids))):
            text = connection.scalar(select(DocumentRow.text).where(DocumentRow.id == id_)) or ""
            chunks = select(ChunkRow.start, ChunkRow.end, ChunkRow.text).where(ChunkRow.document_id == id_)
            rows = connection.execute(chunks.order_by(ChunkRow.start)).all()
            if [row.text for row in rows] != text.split("\n"):
                told.wrong.append(f"document {id_} isn't its chunks")
            if any(text[row.start : row.end] != row.text for row in rows):
                told.wrong.append(f"a chunk of document {id_} isn't what stands at its place")
    told.timed("looks", began)


# -- afterwards -----------------------------------------------------------------------------------------


def compare(place: Place, collection: str, told: Iterable[Told]) -> Iterator[str]:
    """Where the collection isn't what its writers committed."""
    committed: dict[str, list[str | None]] = defaultdict(list)
    for each in told:
        for (where, uri), text in each.ledger.items():
            if where == collection:
                committed[uri].append(text)
    with opened(place, collection) as rag, rag.store.reading() as connection:
        query = select(DocumentRow.uri, DocumentRow.text).where(
            DocumentRow.collection_id == rag.collection.id
        )
        rows = connection.execute(query).all()
        lines = select(func.count()).where(ChunkRow.collection_id == rag.collection.id)
        chunks = connection.scalar(lines)
    held = {row.uri: row.text for row in rows}
    if len(held) != len(rows):
        yield f"{len(rows) - len(held)} documents of {collection} are there twice"
    if chunks != (wanted := sum(text.count("\n") + 1 for text in held.values())):
        yield f"{collection} has {chunks} chunks, not {wanted}"
    shared = {f"{collection}/shared/{number}" for number in range(SHARED)}
    for uri in committed.keys() | held.keys() | shared:
        at_first = text_of(uri, AT_FIRST) if uri in shared else None
        if held.get(uri) not in committed.get(uri, [at_first]):
            yield f"{uri} is {held.get(uri)!r:.80}, which nobody committed last"


if __name__ == "__main__":
    main()
