from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from ragent import registry
from ragent.errors import ConfigError
from ragent.protocols import Embedder, TokenEmbedder, Vectors
from ragent.retrieval.rerank.maxsim import MaxSim, open_maxsim
from ragent.retrieval.rerank.token_cache import TokenCache
from tests.making import HashedWords
from tests.retrieval.rerank.making import check_order, context, make_hits

RARE = {"penguin": 5.0, "swim": 3.0, "bird": 1.0}


def rarities(text: str) -> Mapping[str, float]:
    return {word: RARE[word] for word in text.lower().split() if word in RARE}


def maxsim(embedder: Embedder, **settings: float) -> MaxSim:
    return MaxSim(embedder, rarities, **{"weight": 1.0, "cache_bytes": 10**6, **settings})  # type: ignore[arg-type]


def test_the_passage_that_holds_the_rare_word_rises(minilm: Embedder) -> None:
    hits = make_hits(
        ["A bird sat on the roof.", "The tax office is closed.", "How far a penguin can swim in a day."],
        [0.5, 0.49, 0.48],
    )
    found = maxsim(minilm, weight=3.0).rerank("penguin swim", hits)
    check_order(hits, found)
    assert found[0].chunk_id == 3
    assert [hit.chunk_id for hit in maxsim(minilm, weight=0.0).rerank("penguin swim", hits)] == [1, 2, 3]


def test_scores_are_weighted_sums_of_the_highest_cosines(minilm: Embedder) -> None:
    assert isinstance(minilm, TokenEmbedder)
    texts = ["a penguin on ice", "birds swim rarely", "nothing here"]
    weights = {"the": 0.0, "penguin": 5.0, "swim": 3.0, "bird": 1.0}
    query = "the penguin swim bird"
    assert minilm.tokenizer.count([query]) == [4]
    (asked,) = minilm.embed_tokens([query])
    w = np.array(list(weights.values()))
    raw = [float(w @ (asked @ tokens.T).max(axis=1)) / w.sum() for tokens in minilm.embed_tokens(texts)]
    before = np.array([0.6, 0.5, 0.4])
    expected = before + before.std() * (raw - np.mean(raw)) / np.std(raw)
    found = maxsim(minilm).rerank(query, make_hits(texts, before.tolist()))
    assert {hit.chunk_id: hit.score for hit in found} == pytest.approx(
        dict(enumerate(expected.tolist(), 1)), abs=2e-3
    )


def test_what_stands_far_back_in_a_long_passage_counts(minilm: Embedder) -> None:
    filler = "the tax office sends letters about fees " * 60
    assert minilm.tokenizer.count([filler])[0] > minilm.max_tokens
    hits = make_hits([filler, filler + "a penguin can swim"], [0.5, 0.49])
    assert maxsim(minilm, weight=3.0).rerank("penguin swim", hits)[0].chunk_id == 2


def test_odd_queries_are_scored(minilm: Embedder) -> None:
    hits = make_hits(["a penguin", "a roof"])
    for query in ("?!", "the of", "penguin " * 300, "日本"):
        check_order(hits, maxsim(minilm).rerank(query, hits))
    assert maxsim(minilm).rerank("penguin", []) == ()


def test_passages_seen_before_are_not_read_again(minilm: Embedder) -> None:
    reader = _Counting(minilm)
    reranker = maxsim(reader)  # type: ignore[arg-type]
    hits = make_hits([f"passage {n} on penguins" for n in range(20)])
    first = reranker.rerank("penguin swim", hits)
    assert reader.texts == 21
    assert reranker.rerank("penguin swim", hits) == first
    assert reader.texts == 22
    forgetful = maxsim(reader, cache_bytes=0)  # type: ignore[arg-type]
    assert forgetful.rerank("penguin swim", hits) == first
    assert len(list(reranker.steps("penguin", hits))) == 2


def test_an_embedder_without_token_vectors_is_refused() -> None:
    with pytest.raises(ConfigError, match="hashed-words gives none"):
        registry.load("ragent.rerankers", "maxsim")(context(embedder=HashedWords(), rarities=rarities))
    assert registry.load("ragent.rerankers", "maxsim") is open_maxsim


def test_the_cache_forgets_what_was_not_seen_for_longest() -> None:
    made: list[str] = []

    def make(texts: list[str]) -> list[np.ndarray]:  # type: ignore[type-arg]
        made.extend(texts)
        return [np.full((1, 50), len(text), np.float16) for text in texts]

    cache = TokenCache(200)
    assert [array[0, 0] for array in cache.get(["a", "bb", "a"], make)] == [1, 2, 1]
    cache.get(["a"], make)
    cache.get(["ccc"], make)
    assert made == ["a", "bb", "ccc"]
    cache.get(["a", "ccc"], make)
    assert made == ["a", "bb", "ccc"]
    cache.get(["bb"], make)
    assert made[3:] == ["bb"]


class _Counting:
    """Counts the texts whose token vectors are asked for."""

    def __init__(self, embedder: Embedder) -> None:
        assert isinstance(embedder, TokenEmbedder)
        self._embedder = embedder
        self.texts = 0
        self.tokenizer, self.max_tokens = embedder.tokenizer, embedder.max_tokens

    def embed_tokens(self, texts: Sequence[str]) -> list[Vectors]:
        self.texts += len(texts)
        return self._embedder.embed_tokens(texts)
