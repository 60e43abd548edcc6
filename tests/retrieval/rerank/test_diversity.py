from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragent.protocols import Reranker, Vectors
from ragent.retrieval.rerank.diversity import DPP, MMR
from tests.retrieval.rerank.making import check_order, make_hits

Make = Callable[[Callable[[Sequence[int]], Vectors], float], Reranker]
MAKERS: list[Make] = [
    lambda vectors, diversity: MMR(vectors, diversity=diversity),
    lambda vectors, diversity: DPP(vectors, diversity=diversity),
]


@pytest.fixture(params=MAKERS, ids=["mmr", "dpp"])
def make(request: pytest.FixtureRequest) -> Make:
    found: Make = request.param
    return found


def lookup(rows: Vectors) -> Callable[[Sequence[int]], Vectors]:
    return lambda ids: rows[np.array(ids, dtype=int) - 1]


def test_a_copy_of_the_best_gives_way(make: Make) -> None:
    rows = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
    hits = make_hits("abc", [0.9, 0.89, 0.5])
    assert [hit.chunk_id for hit in make(lookup(rows), 0.7).rerank("q", hits)] == [1, 3, 2]


def test_without_diversity_the_order_stays(make: Make) -> None:
    rows = np.eye(3, dtype=np.float32)[[0, 0, 1]]
    hits = make_hits("abc", [0.9, 0.89, 0.5])
    assert [hit.chunk_id for hit in make(lookup(rows), 0.0).rerank("q", hits)] == [1, 2, 3]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 12), st.integers(0, 5), st.floats(0, 1))
def test_all_hits_come_back_in_order(count: int, seed: int, diversity: float) -> None:
    random = np.random.default_rng(seed)
    rows = random.standard_normal((count, 4)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True) if count else 1
    rows[3:4] = np.nan
    rows[5:6] = rows[4:5]
    hits = make_hits(["x"] * count, sorted(random.random(count).tolist(), reverse=True) or None)
    for maker in MAKERS:
        check_order(hits, maker(lookup(rows), diversity).rerank("q", hits))


def test_dpp_takes_what_adds_most_volume() -> None:
    # 3 lies between 1 and 2, so it adds nothing once both are there; MMR, which sees pairs, can't tell.
    half = 0.5**0.5
    rows = np.array([[1, 0, 0], [0, 1, 0], [half, half, 0], [0.75, 0, 0.66144]], np.float32)
    hits = make_hits("abcd", [0.9, 0.9, 0.9, 0.9])
    assert [hit.chunk_id for hit in DPP(lookup(rows), diversity=1.0).rerank("q", hits)][:3] == [1, 2, 4]


def test_greedy_choice_is_that_of_the_determinant() -> None:
    random = np.random.default_rng(3)
    rows = np.abs(random.standard_normal((6, 5))).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    scores = sorted(random.random(6).tolist(), reverse=True)
    hits = make_hits("abcdef", scores)
    relevance = (np.array(scores) - min(scores)) / (max(scores) - min(scores))
    quality = np.exp(relevance)  # a diversity of one half
    kernel = quality[:, None] * (rows @ rows.T) * quality
    chosen: list[int] = []
    for _ in range(4):
        left = [i for i in range(6) if i not in chosen]
        chosen.append(max(left, key=lambda i: np.linalg.det(kernel[np.ix_([*chosen, i], [*chosen, i])])))
    found = DPP(lookup(rows), diversity=0.5).rerank("q", hits)
    assert [hit.chunk_id - 1 for hit in found][:4] == chosen
