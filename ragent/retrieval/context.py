"""What rerankers and query techniques are made with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ragent.config import RerankSettings, RetrievalSettings
from ragent.errors import ModelNotFound
from ragent.protocols import LLM, Embedder, Vectors
from ragent.store import Collection, Store


def _no_llm() -> LLM:
    raise ModelNotFound("this needs a language model", hint="search through Rag, which has one")


@dataclass(frozen=True, slots=True)
class Aids:
    """What a retriever gives to rerankers and query techniques, and has no use for itself.

    Attributes:
        open_llm: the language model, loaded when first asked for.
        rerank: `[rerank]`.
    """

    open_llm: Callable[[], LLM] = _no_llm
    rerank: RerankSettings = field(default_factory=RerankSettings)


@dataclass(frozen=True, slots=True)
class SearchContext:
    """What stands under an entry point `ragent.rerankers` or `ragent.techniques` is called with this.

    Attributes:
        settings: `[retrieval]`.
        rerank: `[rerank]`.
        embedder: the collection's.
        open_llm: the language model, loaded when first asked for.
        rarities: BM25's inverse document frequency of each keyword of a text, by its stem.
        vectors: of chunks, shape (n, dimension), NaN where a chunk is gone.
        store: the home's database.
        collection: the one that is searched.
    """

    settings: RetrievalSettings
    rerank: RerankSettings
    embedder: Embedder
    open_llm: Callable[[], LLM]
    rarities: Callable[[str], Mapping[str, float]]
    vectors: Callable[[Sequence[int]], Vectors]
    store: Store
    collection: Collection
