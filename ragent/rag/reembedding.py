"""Gives a collection the vectors of the model that the settings name, and its indexes a fresh start."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from ragent.errors import StoreError
from ragent.ingest import ReembedReport, Watching, abandon, reembed
from ragent.retrieval import replaced_folders
from ragent.store import Collection, Store

if TYPE_CHECKING:
    from ragent.rag.rag import Rag


def reembed_collection(rag: Rag, watching: Watching) -> ReembedReport:
    """Embed the collection in use anew, and drop what was derived from its old vectors.

    Raises:
        StoreError: there is no such collection, or another process re-embeds it.
        ChunksTooLong: the model would have to cut passages.
    """
    collection = _collection(rag.store, rag.settings.collection)
    with rag.tracer.span("reembed", "ingest", {"ragent.collection": collection.name}) as told:
        report = reembed(rag.store, collection, rag.embedder, rag.settings.ingest.batch_chunks, watching)
        told.set({"ragent.chunks": report.chunks, "ragent.embedded": report.embedded})
        told.set({"ragent.interrupted": report.interrupted})
    _drop_replaced(rag.store, collection)
    return report


def abandon_reembedding(rag: Rag) -> int:
    """Drop the vectors that an interrupted re-embedding left; how many. Raises StoreError."""
    collection = _collection(rag.store, rag.settings.collection)
    dropped = abandon(rag.store, collection)
    _drop_replaced(rag.store, collection)
    return dropped


def _drop_replaced(store: Store, collection: Collection) -> None:
    # Also what a killed process left, having swapped the vectors. Whoever has them open keeps what is mapped.
    for folder in replaced_folders(store, collection):
        shutil.rmtree(folder, ignore_errors=True)


def _collection(store: Store, name: str) -> Collection:
    found = store.find_collection(name)
    if found is None:
        raise StoreError(f"there is no collection {name!r}", hint="first: ragent ingest PATH")
    return found
