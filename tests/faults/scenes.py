"""What is done while a fault strikes, and what must hold afterwards."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ragent.config import IndexSettings, IngestSettings, RetrievalSettings
from ragent.ingest import Callbacks, Ingestor, Options, Origin
from ragent.ingest.choosing import absolute, open_source
from ragent.ingest.reading import Here, Reading
from ragent.protocols import Embedder
from ragent.retrieval import HybridRetriever, open_indexes
from ragent.retrieval.check import check_indexes
from ragent.store import Collection, Store
from ragent.types import DocumentReport, IngestReport, SearchOptions
from tests.ingest.faking import Lines
from tests.making import HashedWords

INDEX = IndexSettings(kind="hnsw", hnsw_m=8, hnsw_ef_construction=32)
FILES, LINES, CHUNKS_A_BATCH = 24, 4, 12
_HALF_PRECISION = 2e-3
_WORDS = ["lamp", "rope", "crate", "ladder", "barrel", "anchor", "lantern", "bucket", "hammer", "compass"]

Texts = Mapping[str, str]
"""By uri."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a home is, and its documents; `url`: of its database, "" for SQLite."""

    home: Path
    documents: Path
    url: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """A folder that is brought into a home: what the home holds before, and what it is to hold afterwards."""

    documents: Path
    before: Texts
    after: Texts


@dataclass(slots=True)
class Ledger:
    """Of what a run was told that it is committed, kept where a killed process can't take it along."""

    path: Path
    _descriptor: int = field(default=-1, init=False)

    def note(self, report: DocumentReport) -> None:
        """Remember a document's report at once."""
        if self._descriptor < 0:
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        if report.status in ("added", "updated", "deleted"):
            os.write(self._descriptor, json.dumps(report.uri).encode() + b"\n")

    def take(self) -> set[str]:
        """The uris told so far, and begin anew."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        told: set[str] = set()
        with suppress(FileNotFoundError):
            told = {json.loads(line) for line in self.path.read_bytes().splitlines()}
            self.path.unlink()
        return told


# -- documents ------------------------------------------------------------------------------------------


def write_first(folder: Path) -> Scene:
    """New documents for an empty home."""
    folder.mkdir(parents=True)
    for number in range(FILES):
        (folder / f"f{number:02}.txt").write_text(text(f"a{number}"))
    return Scene(folder, {}, texts_in(folder))


def change(scene: Scene) -> Scene:
    """Some documents changed, some removed, some added, one moved."""
    folder = scene.documents
    for number in range(0, FILES, 3):
        (folder / f"f{number:02}.txt").write_text(text(f"b{number}") + "\nand one more line")
    for number in range(1, FILES, 5):
        (folder / f"f{number:02}.txt").unlink(missing_ok=True)
    (folder / "f02.txt").rename(folder / "moved.txt")
    for number in range(FILES, FILES + 6):
        (folder / f"f{number:02}.txt").write_text(text(f"a{number}"))
    return Scene(folder, scene.after, texts_in(folder))


def text(name: str) -> str:
    """A few lines, each with a mark of its own."""
    rng = random.Random(name)
    return "\n".join(
        f"{mark(name, line)} {' '.join(rng.choices(_WORDS, k=5))} {rng.randrange(10**6)}"
        for line in range(LINES)
    )


def mark(name: str, line: int) -> str:
    """A word that only one line holds."""
    return "mark" + "".join(random.Random(f"{name}/{line}").choices("bcdfgklmnoprstuvz", k=10))


def texts_in(folder: Path) -> dict[str, str]:
    """What lies there."""
    return {path.as_uri(): path.read_text() for path in folder.iterdir()}


# -- what is done ---------------------------------------------------------------------------------------


def bring_in(
    place: Place,
    tell: Callable[[DocumentReport], None] = lambda _: None,
    embedder: Embedder = HashedWords(),  # noqa: B008  (it has no state)
    reading: Reading = Here(),  # noqa: B008
) -> IngestReport:
    """Ingest, or sync what was ingested, and refresh the indexes."""
    with Store.open(place.home, place.url) as store:
        report = bring_into(store, place.documents, tell, embedder, reading)
        open_indexes(store, require(store), INDEX).refresh()
    return report


def bring_into(
    store: Store,
    documents: Path,
    tell: Callable[[DocumentReport], None] = lambda _: None,
    embedder: Embedder = HashedWords(),  # noqa: B008
    reading: Reading = Here(),  # noqa: B008
) -> IngestReport:
    """Ingest into an open store."""
    collection = store.ensure_collection("default", embedder.fingerprint)
    source = open_source(str(documents), max_bytes=1 << 20)
    origin = Origin(source, store.remember_source(collection, absolute(str(documents))))
    settings = IngestSettings(batch_chunks=CHUNKS_A_BATCH, lease_seconds=2)
    ingestor = Ingestor(store, collection, embedder, Lines(), settings, reading)
    return ingestor.run([origin], Callbacks(on_document=tell), Options(delete=True))


def require(store: Store) -> Collection:
    """The collection of all scenes."""
    return store.require_collection("default")


def searcher(store: Store) -> HybridRetriever:
    """A retriever with indexes of its own."""
    collection = require(store)
    return HybridRetriever(
        store, collection, open_indexes(store, collection, INDEX), HashedWords(), RetrievalSettings()
    )


def copy_home(before: Path | None, home: Path) -> None:
    """A home like `before`; None: none at all."""
    shutil.rmtree(home, ignore_errors=True)
    if before is not None:
        shutil.copytree(before, home)


def phase(scene: Scene, told: set[str]) -> str:
    """How far a run had come that told of these documents."""
    if not told:
        return "before the first commit"
    changed = [uri for uri in {*scene.before, *scene.after} if scene.before.get(uri) != scene.after.get(uri)]
    moved = 2  # a name that is gone and one that is new, of which nothing is told
    return "between commits" if len(told) < len(changed) - moved else "after the last commit"


# -- what must hold -------------------------------------------------------------------------------------


def check(place: Place, scene: Scene, told: set[str]) -> list[str]:
    """What is wrong: each document must be as before or as afterwards, and what was told as afterwards."""
    with Store.open(place.home, place.url) as store:
        return list(_wrong(store, scene, told))


def check_end(place: Place, scene: Scene) -> list[str]:
    """What is wrong where all was done."""
    return check(place, scene, {*scene.before, *scene.after})


def _wrong(store: Store, scene: Scene, told: set[str]) -> Iterator[str]:
    rows = [document for _, document in store.document_texts()]
    held = {uri: text for uri, _, text in rows}
    if len(held) != len(rows):
        yield "a document is there twice"
    for uri in {*held, *scene.before, *scene.after}:
        allowed = {scene.after.get(uri)} if uri in told else {scene.before.get(uri), scene.after.get(uri)}
        if held.get(uri) not in allowed:
            yield f"{uri} is {held.get(uri)!r}, not of {allowed} ({'told' if uri in told else 'untold'})"
    yield from (f"fsck: {problem}" for problem in store.check())
    collection = store.find_collection("default")
    if not held or collection is None:
        return
    yield from (f"fsck: {problem}" for problem in check_indexes(store, collection, INDEX))
    yield from _wrong_chunks(store, collection, held)
    yield from wrong_hits(store, searcher(store), held)


def _wrong_chunks(store: Store, collection: Collection, held: Texts) -> Iterator[str]:
    """Every line must be one chunk, with the vector of its words."""
    with store.snapshot(collection) as snapshot:
        ids = snapshot.live().tolist()
    passages = store.passages(collection.id, ids)
    said = sorted((passage.uri, passage.text) for passage in passages.values())
    wanted = sorted((uri, line) for uri, text in held.items() for line in text.split("\n"))
    if said != wanted:
        yield f"{len(said)} chunks, not the {len(wanted)} lines of the documents"
    vectors = store.chunk_vectors(collection, list(passages))
    right = HashedWords().embed_documents([passage.text for passage in passages.values()])
    if not np.allclose(vectors, right, atol=_HALF_PRECISION):
        yield "a chunk has the vector of another"


def wrong_hits(store: Store, retriever: HybridRetriever, held: Texts, most: int = 8) -> Iterator[str]:
    """Searches must give true texts only, and find a mark's line first."""
    lines = [line for text in held.values() for line in text.split("\n") if line.startswith("mark")]
    queries = [line.split()[0] for line in lines[:: max(1, len(lines) // most)]]
    for query, result in zip(queries, retriever.search_many(queries, 5), strict=True):
        for hit in result.hits:
            if held.get(hit.uri, "")[hit.start : hit.end] != hit.text:
                yield f"a hit says {hit.text!r}, which isn't in {hit.uri}"
        best = retriever.search(query, 1, SearchOptions(mode="keyword")).hits
        if not best or query not in best[0].text:
            yield f"{query} isn't found"
