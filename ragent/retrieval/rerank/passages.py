"""What a model reads of a hit: all of it, in windows where it is too long."""

from __future__ import annotations

from ragent.chunking.context import embedding_text
from ragent.embedding.tokens import split_windows
from ragent.errors import RerankError
from ragent.protocols import Tokenizer
from ragent.types import Hit

_LEAST_ROOM = 8


def windows(hit: Hit, tokenizer: Tokenizer, limit: int) -> list[str]:
    """The passage with its context, in consecutive pieces of at most `limit` tokens; most are one piece.

    Raises:
        RerankError: the query and what stands around it leave no room for a passage.
    """
    if limit < _LEAST_ROOM:
        raise RerankError(
            "the query fills all that the reranker reads",
            hint="ask in fewer words, or use a model with a longer context",
        )
    return list(split_windows(embedding_text(hit.context, hit.text), tokenizer, limit))
