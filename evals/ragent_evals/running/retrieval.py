"""Runs ragent over a BEIR set, through the same doors as any user."""

from __future__ import annotations

from collections.abc import Callable

import xxhash

from ragent.config import Settings
from ragent.errors import EvalError
from ragent.ingest import Callbacks, Progress
from ragent.rag import Rag
from ragent.retrieval import best_of_each_document
from ragent.types import SearchMode, SearchResult
from ragent_evals.sets.beir import BeirSet, BeirSource, parse_line, uri_of

_CHUNKS_A_DOCUMENT = 3
"""How many chunks are looked up for each document wanted, since several may be of the same one."""


def cache_name(beir: BeirSet, settings: Settings) -> str:
    """A collection for this corpus under these settings: a second run finds all of it there."""
    parts = (settings.embedder.model_dump_json(), settings.chunking.model_dump_json(), beir.content_hash)
    return "beir-" + xxhash.xxh3_64_hexdigest("\n".join(parts).encode())


def ingest_corpus(rag: Rag, beir: BeirSet, on_progress: Callable[[Progress], None]) -> int:
    """Bring the corpus into the collection in use, which may hold nothing else; how many documents are empty.

    Raises:
        EvalError: a document failed, or the collection holds others.
    """
    source = BeirSource(beir)
    report = rag.ingest_sources([source], Callbacks(parse_line, on_progress))
    if report.failed:
        first = report.failed[0]
        raise EvalError(f"{len(report.failed)} documents failed, the first {first.uri}: {first.error}")
    ours = {uri_of(id_) for id_ in beir.lines}
    others = rag.store.known_documents(rag.collection.id).keys() - ours
    if others:
        raise EvalError(
            f"{len(others)} document(s) that are not of {beir.name} are in {rag.settings.collection!r}",
            hint="leave --collection out, or name a new one",
        )
    return source.empty


def run_queries(
    rag: Rag, beir: BeirSet, k: int, mode: SearchMode | None = None
) -> dict[str, dict[str, float]]:
    """By query id, the scores of the k best documents, best first. Each is as good as its best chunk."""
    found = rag.search_many(list(beir.queries.values()), k * _CHUNKS_A_DOCUMENT, mode=mode)
    ids = {uri_of(id_): id_ for id_ in beir.lines}
    return {query: documents(result, k, ids) for query, result in zip(beir.queries, found, strict=True)}


def documents(result: SearchResult, k: int, ids: dict[str, str]) -> dict[str, float]:
    """The scores of the k best documents of a result, under the names that `ids` gives to their uris."""
    return {ids[hit.uri]: hit.score for hit in best_of_each_document(result.hits)[:k]}
