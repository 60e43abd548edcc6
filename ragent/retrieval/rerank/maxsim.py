"""Late interaction: each word of the query looks for what in a passage is most like it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ragent.chunking.context import embedding_text
from ragent.embedding.tokens import split_windows
from ragent.errors import ConfigError
from ragent.protocols import Embedder, TokenEmbedder, Vectors
from ragent.retrieval.context import SearchContext
from ragent.retrieval.rerank.ordering import added, by_score
from ragent.retrieval.rerank.token_cache import Half, TokenCache
from ragent.types import Hit

_AT_ONCE = 16
_WORD = re.compile(r"\w+")


class MaxSim:
    """Adds to each score how well the passage's tokens match the query's, one by one.

    Khattab and Zaharia 2020, ColBERT (arXiv:2004.12832): the sum, over the query's tokens, of the highest
    cosine that a token of the passage has with it. The vectors are the last layer of the very model that
    embeds the passages, which was never trained for this, so rare words count more here: a token weighs as
    much as its word's inverse document frequency in the collection.
    """

    def __init__(
        self,
        embedder: Embedder,
        rarities: Callable[[str], Mapping[str, float]],
        *,
        weight: float,
        cache_bytes: int,
    ) -> None:
        """Take the collection's own embedder and its keyword statistics.

        Args:
            embedder: It must be a TokenEmbedder, too.
            rarities: The inverse document frequency of each keyword of a text.
            weight: See `added`.
            cache_bytes: Memory for the token vectors of passages; those seen last are kept.

        Raises:
            ConfigError: the embedder gives no vectors of tokens.
        """
        if not isinstance(embedder, TokenEmbedder):
            raise ConfigError(
                f"maxsim compares token vectors, and {embedder.fingerprint.model} gives none",
                hint="use another reranker, or an embedder with `embed_tokens`",
            )
        self._tokens: TokenEmbedder = embedder
        self._tokenizer, self._limit = embedder.tokenizer, embedder.max_tokens
        self._rarities = rarities
        self._weight = weight
        self._cache = TokenCache(cache_bytes)

    def rerank(self, query: str, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        """All of `hits`, best first."""
        *_, best = self.steps(query, hits)
        return best

    def steps(self, query: str, hits: Sequence[Hit]) -> Iterator[tuple[Hit, ...]]:
        """The order after every 16 passages read."""
        wanted, weights = self._query(query)
        scores: list[float] = []
        for first in range(0, max(1, len(hits)), _AT_ONCE):
            some = hits[first : first + _AT_ONCE]
            passages = self._cache.get([embedding_text(hit.context, hit.text) for hit in some], self._read)
            scores += [float(weights @ _best(wanted, tokens)) for tokens in passages]
            yield by_score(hits, added(hits, scores, self._weight))

    def _query(self, query: str) -> tuple[Vectors, NDArray[np.float32]]:
        """The query's token vectors, shape (n, dimension), and the weight of each, which sum to 1."""
        pieces = list(split_windows(query, self._tokenizer, self._limit))
        vectors = np.concatenate(self._tokens.embed_tokens(pieces))
        weights = np.concatenate([self._weights(piece) for piece in pieces])
        if not weights.any():
            weights = np.ones_like(weights)
        weights /= weights.sum()
        return vectors, weights

    def _weights(self, text: str) -> NDArray[np.float32]:
        """By token: how rare the word is that it belongs to; 0 for stop words and punctuation."""
        spans = [match.span() for match in _WORD.finditer(text)]
        rarity = [max(self._rarities(text[start:end]).values(), default=0.0) for start, end in spans]
        starts = np.array([start for start, _ in spans])
        weights = []
        for token, _ in self._tokenizer.offsets(text):
            word = int(np.searchsorted(starts, token, side="right")) - 1
            weights.append(rarity[word] if word >= 0 and token < spans[word][1] else 0.0)
        return np.array(weights, dtype=np.float32)

    def _read(self, texts: list[str]) -> list[Half]:
        """Token vectors of passages; a long one's windows are read apart and stand together again."""
        pieces = [list(split_windows(text, self._tokenizer, self._limit)) for text in texts]
        vectors = iter(self._tokens.embed_tokens([piece for group in pieces for piece in group]))
        return [
            np.concatenate([next(vectors).astype(np.float16) for _ in group], dtype=np.float16)
            for group in pieces
        ]


def _best(wanted: Vectors, tokens: Half) -> NDArray[np.float32]:
    """The highest cosine that each of `wanted` has with any of `tokens`, shape (n,)."""
    return (wanted @ tokens.astype(np.float32).T).max(axis=1, initial=-1.0)  # type: ignore[no-any-return]


def open_maxsim(context: SearchContext) -> MaxSim:
    """As `[rerank]` says, over the collection's embedder. Raises ConfigError."""
    settings = context.rerank
    return MaxSim(
        context.embedder,
        context.rarities,
        weight=settings.maxsim_weight,
        cache_bytes=settings.maxsim_cache_mb * 1_000_000,
    )
