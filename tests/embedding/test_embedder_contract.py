"""What every Embedder must do: the bundled model, here and served, and models of sentence-transformers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragent.protocols import Embedder, TokenEmbedder

TEXTS = [
    "a bee",
    "cats and dogs",
    "",
    "zebra",
    "the fox ran",
    "naïve café",
    "日本語 🙂",
    "\x00\n\t",
]


@pytest.fixture(params=["minilm", "st-minilm", "st-tiny", "served"])
def embedder(request: pytest.FixtureRequest, opened: Callable[[str], Embedder]) -> Embedder:
    return opened(request.param)


@pytest.fixture(params=["minilm", "st-minilm", "st-tiny"])
def token_embedder(request: pytest.FixtureRequest, opened: Callable[[str], Embedder]) -> Embedder:
    """Those that run here: no protocol tells the vectors of tokens."""
    return opened(request.param)


def words(embedder: Embedder, tokens: int) -> str:
    """A text of exactly so many tokens."""
    text = " ".join(["a"] * tokens)
    assert embedder.tokenizer.count([text]) == [tokens]
    return text


def test_shape_type_and_length_of_vectors(embedder: Embedder) -> None:
    for embed in (embedder.embed_documents, embedder.embed_queries):
        vectors = embed(TEXTS)
        assert vectors.shape == (len(TEXTS), embedder.fingerprint.dimension)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_nothing_in_nothing_out(embedder: Embedder) -> None:
    for embed in (embedder.embed_documents, embedder.embed_queries):
        vectors = embed([])
        assert vectors.shape == (0, embedder.fingerprint.dimension)
        assert vectors.dtype == np.float32


def test_same_text_same_vector(embedder: Embedder) -> None:
    np.testing.assert_array_equal(embedder.embed_documents(TEXTS), embedder.embed_documents(TEXTS))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(len(TEXTS))))
def test_order_is_kept_and_neighbours_do_not_matter(embedder: Embedder, order: list[int]) -> None:
    shuffled = embedder.embed_documents([TEXTS[i] for i in order])
    np.testing.assert_allclose(shuffled, embedder.embed_documents(TEXTS)[order], atol=2e-6)
    np.testing.assert_allclose(shuffled[:1], embedder.embed_documents([TEXTS[order[0]]]), atol=2e-6)


def test_a_text_of_max_tokens_is_read_to_its_end(embedder: Embedder) -> None:
    short, full = words(embedder, embedder.max_tokens - 1), words(embedder, embedder.max_tokens)
    first, second = embedder.embed_documents([short + " b", full])
    assert not np.array_equal(first, second)


def test_a_longer_text_is_refused(embedder: Embedder) -> None:
    with pytest.raises(ValueError, match=f"text 1 has .* at most {embedder.max_tokens}"):
        embedder.embed_documents(["a", words(embedder, embedder.max_tokens + 30)])


def test_a_longer_query_is_averaged_over_windows(embedder: Embedder) -> None:
    head = words(embedder, embedder.max_tokens)
    tail = " b c d"
    long, *parts = embedder.embed_queries([head + tail, head, tail])
    mean = parts[0] + parts[1]
    np.testing.assert_allclose(long, mean / np.linalg.norm(mean), atol=1e-5)


def test_a_long_query_of_one_endless_word(embedder: Embedder) -> None:
    vectors = embedder.embed_queries(["x1" * 3000, "short"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@given(text=st.text(max_size=60))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_offsets_lie_in_the_text_in_order(embedder: Embedder, text: str) -> None:
    spans = embedder.tokenizer.offsets(text)
    assert [len(spans)] == embedder.tokenizer.count([text])
    assert all(0 <= start <= end <= len(text) for start, end in spans)
    assert [start for start, _ in spans] == sorted(start for start, _ in spans)


def test_offsets_show_each_token(embedder: Embedder) -> None:
    text = "Café 🙂 a b"
    shown = [text[start:end] for start, end in embedder.tokenizer.offsets(text)]
    assert "".join(shown) == text.replace(" ", "")
    assert shown[-3:] == ["🙂", "a", "b"]


def test_counts_are_not_cut(embedder: Embedder) -> None:
    assert embedder.tokenizer.count(["a " * 5000, ""]) == [5000, 0]
    assert len(embedder.tokenizer.offsets("a " * 5000)) == 5000


def test_a_long_text_has_the_same_tokens_as_its_parts(embedder: Embedder) -> None:
    part = "The harbour-master opens it, doesn't she? " * 50 + "\n"
    count = 120_000 // len(part) + 1
    spans = embedder.tokenizer.offsets(part * count)
    once = embedder.tokenizer.offsets(part)
    again = [(a + n * len(part), b + n * len(part)) for n in range(count) for a, b in once]
    assert list(spans) == again


def test_token_vectors_are_one_a_token_and_average_to_the_texts(token_embedder: Embedder) -> None:
    assert isinstance(token_embedder, TokenEmbedder)
    found = token_embedder.embed_tokens(TEXTS)
    assert [len(vectors) for vectors in found] == token_embedder.tokenizer.count(TEXTS)
    for vectors in found:
        assert vectors.dtype == np.float32
        assert vectors.shape[1] == token_embedder.fingerprint.dimension
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert token_embedder.embed_tokens([]) == []
    with pytest.raises(ValueError, match="text 1 has"):
        token_embedder.embed_tokens(["a", words(token_embedder, token_embedder.max_tokens + 1)])


def test_a_token_is_told_by_what_stands_around_it(token_embedder: Embedder) -> None:
    assert isinstance(token_embedder, TokenEmbedder)
    alone, twin, beside = (
        vectors[0] for vectors in token_embedder.embed_tokens(["fox", "fox", "fox ran far"])
    )
    np.testing.assert_allclose(alone, twin, atol=1e-6)
    assert np.abs(alone - beside).max() > 1e-4
