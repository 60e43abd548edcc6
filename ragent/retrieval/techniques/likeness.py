"""More like this: searches with a document, or with one passage of it, instead of a question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ragent.errors import QueryError
from ragent.protocols import Searcher, Vectors
from ragent.retrieval.context import SearchContext
from ragent.retrieval.techniques.ranking import best_first
from ragent.store import Passage
from ragent.types import Query, SearchResult

_WORDS = 40
_MOST_CHUNKS = 200
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class MoreLikeThis:
    """`--technique more-like-this`: the query is a chunk's id, or a document's uri or path.

    Looks for the mean of its chunks' vectors and for its rarest words; what is of the same document is left
    out. Of a document of more than 200 chunks, 200 from all over it speak for it.
    """

    context: SearchContext

    def search(self, searcher: Searcher, query: Query, k: int) -> SearchResult:
        """The `k` best chunks of other documents. Raises QueryError when nothing has that name."""
        model = self._model(query.text.strip())
        text = " ".join(_rarest(searcher, " ".join(passage.text for passage in model)))
        vectors = searcher.vectors([passage.chunk_id for passage in model])
        alike = Query(text or model[0].text, vector=self._mean(vectors))
        own = {passage.document_id for passage in model}
        found = searcher.search(alike, k + _MOST_CHUNKS)
        hits = [hit for hit in found.hits if hit.document_id not in own]
        return replace(found, hits=best_first(hits)[:k])

    def _model(self, name: str) -> list[Passage]:
        store, collection = self.context.store, self.context.collection
        if name.isdecimal():
            ids = [min(int(name[:20]), _LARGEST)]
        else:
            documents = store.find_documents(name, collection.id)
            documents = documents or store.find_documents(_as_uri(name), collection.id)
            ids = store.chunks_of([id_ for id_, _ in documents])
            ids = ids[:: max(1, len(ids) // _MOST_CHUNKS)][:_MOST_CHUNKS]
        found = store.passages(collection.id, ids)
        if not found:
            raise QueryError(
                f"no passage or document {name!r} here",
                hint="name a chunk_id or uri, as `ragent search --json` shows them, or a path",
            )
        return [found[id_] for id_ in ids if id_ in found]

    def _mean(self, vectors: Vectors) -> Vectors:
        mean: Vectors = np.nanmean(vectors, axis=0, dtype=np.float32)
        norm = np.linalg.norm(mean)
        if self.context.embedder.fingerprint.normalized and norm > 0:
            mean /= norm
        return mean


def _rarest(searcher: Searcher, text: str) -> Sequence[str]:
    rarities = searcher.rarities(text)
    return sorted(rarities, key=lambda word: (-rarities[word], word))[:_WORDS]


def _as_uri(name: str) -> str:
    try:
        return Path(name).expanduser().absolute().as_uri()
    except RuntimeError:  # the folder of somebody who isn't here
        return Path(name).absolute().as_uri()
