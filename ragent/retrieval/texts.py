"""Texts that are in no collection, ranked as passages are."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from ragent.embedding.tokens import split_windows
from ragent.protocols import Embedder
from ragent.retrieval.rerank.ordering import by_score
from ragent.types import Hit

# Below zero, where no chunk is, and never twice: what rerankers keep of a text is kept by its id.
_IDS = itertools.count(-1, -1)


def rank_texts(query: str, texts: Sequence[str], embedder: Embedder) -> tuple[Hit, ...]:
    """All of `texts`, best first, scored by the cosine with the query; `start` is a text's place among them.

    A text that is longer than the embedder reads is read in windows, and the best of them counts.
    """
    windows = [list(split_windows(text, embedder.tokenizer, embedder.max_tokens)) or [""] for text in texts]
    owners = np.repeat(np.arange(len(texts)), [len(parts) for parts in windows])
    vectors = embedder.embed_documents(list(itertools.chain.from_iterable(windows)))
    (asked,) = embedder.embed_queries([query])
    scores = np.full(len(texts), -np.inf)
    np.maximum.at(scores, owners, vectors @ asked)
    hits = [_hit(place, text) for place, text in enumerate(texts)]
    return by_score(hits, scores)


def _hit(place: int, text: str) -> Hit:
    id_ = next(_IDS)
    return Hit(
        rank=place + 1,
        score=0.0,
        chunk_id=id_,
        document_id=id_,
        uri="",
        title="",
        page=None,
        start=place,
        end=place + len(text),
        text=text,
        context="",
        metadata={},
    )
