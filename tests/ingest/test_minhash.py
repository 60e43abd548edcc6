from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ragent.ingest.minhash import NEAR, Signature, band_keys, signature
from ragent.ingest.minhash import similarity as similarities

WORDS = [
    f"{first}{second}" for first in "bdfgklmnprstvz" for second in ("a", "en", "il", "ost", "ura", "ück")
]


def similarity(one: Signature, other: Signature) -> float:
    return float(similarities(one, other[None])[0])


def jaccard(one: str, other: str) -> float:
    sets = []
    for text in (one, other):
        words = text.lower().split()
        sets.append({tuple(words[i : i + 5]) for i in range(len(words) - 4)})
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


@given(st.randoms(use_true_random=False), st.integers(60, 400), st.integers(0, 30))
def test_the_estimate_is_near_the_true_similarity(rng: random.Random, length: int, edits: int) -> None:
    words = rng.choices(WORDS, k=length)
    edited = list(words)
    for _ in range(edits):
        edited[rng.randrange(length)] = rng.choice(WORDS)
    one, other = " ".join(words), " ".join(edited)
    # five standard errors of 120 values
    assert abs(np.mean(signature(one) == signature(other)) - jaccard(one, other)) < 0.23


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=80), st.sampled_from([" ", "\n\n", " - ", ". "]))
def test_case_spacing_and_punctuation_do_not_count(words: list[str], between: str) -> None:
    assert similarity(signature(" ".join(words)), signature(between.join(words).upper() + "!")) == 1


def test_a_small_edit_of_a_long_text_shares_a_band_and_another_text_does_not() -> None:
    rng = random.Random(7)
    found = 0
    for _ in range(50):
        words = rng.choices(WORDS, k=300)
        edited = [*words[:150], "changed", *words[151:]]
        kept, other = (signature(" ".join(text)) for text in (words, edited))
        assert similarity(kept, other) > NEAR
        found += bool(set(band_keys(kept)) & set(band_keys(other)))
        stranger = signature(" ".join(rng.choices(WORDS, k=300)))
        assert similarity(kept, stranger) < NEAR
    assert found == 50


def test_a_long_text_is_hashed_in_slices_without_a_seam() -> None:
    words = random.Random(1).choices(WORDS, k=400_000)
    long = " ".join(words)
    assert len(long) > 1_000_000
    # the same words behind a longer space fall into other slices
    assert similarity(signature(long), signature(" " * 1234 + long)) == 1


def test_texts_without_words_are_alike() -> None:
    assert similarity(signature(""), signature("... --- ...")) == 1
    assert similarity(signature(""), signature("word")) < NEAR
