"""What rerankers and query techniques are made with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ragent.config import RetrievalSettings
from ragent.protocols import LLM, Embedder, Vectors
from ragent.store import Collection, Store


@dataclass(frozen=True, slots=True)
class SearchContext:
    """What stands under an entry point `ragent.rerankers` or `ragent.techniques` is called with this.

    Attributes:
        settings: `[retrieval]`.
        embedder: the collection's.
        open_llm: the language model, loaded when first asked for.
        rarities: BM25's inverse document frequency of each keyword of a text, by its stem.
        vectors: of chunks, shape (n, dimension), NaN where a chunk is gone.
        store: the home's database.
        collection: the one that is searched.
    """

    settings: RetrievalSettings
    embedder: Embedder
    open_llm: Callable[[], LLM]
    rarities: Callable[[str], Mapping[str, float]]
    vectors: Callable[[Sequence[int]], Vectors]
    store: Store
    collection: Collection
