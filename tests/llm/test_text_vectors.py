from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ragent.errors import ContextOverflow

if TYPE_CHECKING:
    from ragent.llm.llamacpp import LlamaCpp

FERRY, BOAT, TAX = (
    "The ferry to the island costs four euros.",
    "A boat ticket to the isle is four euros.",
    "Income tax returns are due in the spring of each year.",
)


def test_like_texts_have_like_vectors(engine: LlamaCpp) -> None:
    vectors = engine.embed([FERRY, BOAT, TAX])
    assert vectors.shape == (3, 576)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]


def test_a_text_has_the_same_vector_in_any_company(engine: LlamaCpp) -> None:
    long = f"{FERRY} " * 20
    (alone,) = engine.embed([long])
    _, beside = engine.embed([TAX, long])
    assert alone == pytest.approx(beside, abs=1e-5)
    assert engine.embed([]).shape == (0, 576)


def test_the_mean_is_over_all_tokens(engine: LlamaCpp) -> None:
    # What stands behind the first 64 tokens counts as well.
    start = "The ferry sails every hour, and the office opens at seven. " * 8
    one, other = engine.embed([start + FERRY, start + TAX])
    assert one @ other < 0.9999


def test_what_cannot_be_embedded(engine: LlamaCpp) -> None:
    with pytest.raises(ContextOverflow, match="1024"):
        engine.embed(["word " * 1100])
    with pytest.raises(ValueError, match="empty"):
        engine.embed([FERRY, ""])
