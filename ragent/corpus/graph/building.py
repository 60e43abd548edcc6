"""Reads the chunks that are new into the graph, a document at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice

from sqlalchemy import Connection

from ragent.corpus.graph.mentions import usage_of
from ragent.corpus.graph.relations import VERSION, Extraction, extract
from ragent.store import Collection, Store
from ragent.store import graph as rows

_CHUNKS_A_COMMIT = 200
_SLOW_CHUNKS_A_COMMIT = 5
_WEAKEST = 0.05

Reader = Callable[[str, Extraction], Extraction]
"""Improves on what the rules read in a chunk's text."""


@dataclass(frozen=True, slots=True)
class BuildReport:
    """How many chunks were read, and what the graph holds now."""

    chunks: int
    entities: int
    mentions: int
    relations: int
    labelled: int


def build_graph(
    store: Store,
    collection: Collection,
    *,
    force: bool = False,
    reader: Reader | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> BuildReport:
    """Read every chunk that wasn't read yet, or whose text is new; with `force`, all of them.

    What was read is kept a few hundred chunks at a time: stopped at any moment, it goes on where it stopped.
    With a `reader`, all chunks are read that no reader has improved yet; those that one has stay as they are.

    Raises:
        StoreError: the home can't be used.
        LLMError: the reader's model failed.
    """
    by_model = f"{VERSION}-model"
    version = by_model if reader else VERSION
    if force:
        with store.writing() as connection:
            rows.drop_graph(connection, collection.id)
    with store.reading() as connection:
        todo = rows.unread_chunks(connection, collection.id, [version, by_model])
    done, read = 0, _read(store, todo, reader)
    while some := list(islice(read, _SLOW_CHUNKS_A_COMMIT if reader else _CHUNKS_A_COMMIT)):
        with store.writing() as connection:
            rows.write_chunks(connection, collection.id, version, some)
        done += len(some)
        on_progress(done)
    with store.writing() as connection:
        _weigh(connection, collection.id)
    return _report(store, collection, done)


def _read(
    store: Store, chunks: Iterable[tuple[int, int, int, int]], reader: Reader | None
) -> Iterator[rows.NewChunk]:
    for document_id, of_document in groupby(chunks, key=lambda chunk: chunk[1]):
        whole = store.document_text(document_id) or ""
        usage = usage_of(whole)
        for chunk_id, _, start, end in of_document:
            text = whole[start:end]
            found = extract(text, usage)
            yield _row(chunk_id, reader(text, found) if reader else found)


def _row(chunk_id: int, found: Extraction) -> rows.NewChunk:
    return rows.NewChunk(
        chunk_id,
        tuple(rows.NewMention(one.key, one.kind, one.start, one.end) for one in found.mentions),
        tuple(
            rows.NewRelation(one.source.key, one.target.key, one.label, one.start, one.end)
            for one in found.relations
        ),
    )


def _weigh(connection: Connection, collection_id: int) -> None:
    """Weigh the pairs that only stand together by normalised pointwise mutual information (Bouma 2009)."""
    counts = rows.mention_counts(connection, collection_id)
    total = sum(counts.values())
    weights = {}
    for source, target, together in rows.unlabelled_pairs(connection, collection_id):
        chance = counts[source] * counts[target] / total**2
        share = min(1.0, together / total)
        weight = math.log(share / chance) / -math.log(share) if share < 1 else 1.0
        weights[source, target] = round(min(1.0, max(_WEAKEST, weight)), 4)
    rows.weigh(connection, weights)


def _report(store: Store, collection: Collection, chunks: int) -> BuildReport:
    with store.reading() as connection:
        counts = rows.mention_counts(connection, collection.id)
        relations = rows.relations_of(connection, collection.id)
    labelled = sum(1 for one in relations if one.label)
    return BuildReport(chunks, len(counts), sum(counts.values()), len(relations), labelled)
