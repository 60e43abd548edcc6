"""HyDE: searches by meaning for a passage that a language model makes up as the answer.

Gao et al. 2022, "Precise Zero-Shot Dense Retrieval without Relevance Labels" (arXiv:2212.10496). Words are
still looked for as the user wrote them, so that made-up facts find nothing by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ragent.chunking import split_sentences
from ragent.protocols import Embedder, Searcher
from ragent.retrieval.context import SearchContext
from ragent.retrieval.techniques.asking import ask_text
from ragent.types import Query, SearchResult

_MAX_TOKENS = 120


@dataclass(frozen=True, slots=True)
class Hyde:
    """`--technique hyde`. The dense side looks for the mean of the query's vector and the passage's."""

    context: SearchContext

    def search(self, searcher: Searcher, query: Query, k: int) -> SearchResult:
        """The `k` best chunks. Raises LLMError."""
        own = searcher.vector(query)
        if own is None:
            return searcher.search(query, k)
        embedder = self.context.embedder
        passage = _fitting(ask_text(self.context, "hyde", query.text, _MAX_TOKENS), embedder)
        vector = own
        if passage:
            vector = own + embedder.embed_documents([passage])[0]
            if embedder.fingerprint.normalized:
                vector = (vector / np.linalg.norm(vector)).astype(np.float32)
        found = searcher.search(replace(query, vector=vector), k)
        return replace(found, plan={**found.plan, "passage": passage})


def _fitting(text: str, embedder: Embedder) -> str:
    """The first sentences of a text, as many as the embedder reads at once."""
    ends = [end for _, end in split_sentences(text)]
    counts = embedder.tokenizer.count([text[:end] for end in ends])
    fitting = [end for end, count in zip(ends, counts, strict=True) if count <= embedder.max_tokens]
    return text[: fitting[-1]].strip() if fitting else ""
