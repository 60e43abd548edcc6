"""What every kind of dense index must do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragent.config import IndexSettings
from ragent.index.dense import load_dense, made_with, make_dense
from ragent.index.stamped import Stamp, save
from ragent.protocols import DenseIndex, Ids, Vectors

DIMENSION = 24
COUNT = 400
KINDS = {
    "flat": IndexSettings(kind="flat"),
    "hnsw": IndexSettings(kind="hnsw", hnsw_m=16, hnsw_ef_construction=64, hnsw_ef_search=64),
}


def unit(count: int, seed: int) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((count, DIMENSION)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def ids_of(count: int, first: int = 1) -> Ids:
    """Ids with gaps, as a store that has seen deletions gives."""
    return np.arange(first, first + 3 * count, 3, dtype=np.int64)


@pytest.fixture(params=sorted(KINDS))
def settings(request: pytest.FixtureRequest) -> IndexSettings:
    return KINDS[request.param]


@pytest.fixture
def index(settings: IndexSettings) -> DenseIndex:
    made = make_dense(DIMENSION, settings)
    made.add(ids_of(COUNT), unit(COUNT, 0))
    return made


def test_finds_what_brute_force_finds(index: DenseIndex) -> None:
    queries, vectors = unit(20, 1), unit(COUNT, 0)
    found, scores = index.search(queries, 10)
    exact = queries @ vectors.T
    best = np.argsort(-exact, axis=1)[:, :10]
    overlap = [
        len(set(a) & set(b)) for a, b in zip(found.tolist(), ids_of(COUNT)[best].tolist(), strict=True)
    ]
    assert np.mean(overlap) >= 9.5
    assert np.all(np.diff(scores, axis=1) <= 0)
    positions = (found - 1) // 3
    np.testing.assert_allclose(scores, np.take_along_axis(exact, positions, axis=1), atol=1e-5)


def test_kind_and_ids(index: DenseIndex, settings: IndexSettings) -> None:
    assert index.kind == settings.kind
    assert index.ids.tolist() == ids_of(COUNT).tolist()
    assert index.dead.tolist() == []


def test_an_empty_index_finds_nothing(settings: IndexSettings) -> None:
    ids, scores = make_dense(DIMENSION, settings).search(unit(2, 1), 3)
    assert ids.tolist() == [[-1] * 3] * 2
    assert scores.shape == (2, 3)


def test_the_dead_never_come_back_and_k_live_ones_do(index: DenseIndex) -> None:
    dead = ids_of(COUNT)[::2]
    index.remove(dead)
    for k in (1, 10, 150, 200):
        found, _ = index.search(unit(10, 1), k)
        assert np.all(found >= 0)
        assert not np.isin(found, dead).any()
        assert all(len(set(row)) == k for row in found.tolist())


def test_fewer_than_k_are_followed_by_minus_one(index: DenseIndex) -> None:
    index.remove(ids_of(COUNT)[5:])
    found, _ = index.search(unit(3, 1), 8)
    for row in found.tolist():
        assert sorted(row[:5]) == ids_of(5).tolist()
        assert row[5:] == [-1] * 3


def test_all_dead(index: DenseIndex) -> None:
    index.remove(ids_of(COUNT))
    found, _ = index.search(unit(1, 1), 4)
    assert found.tolist() == [[-1] * 4]


@pytest.mark.parametrize("share", [200, 40, 5])
def test_only_among_the_given_ids(index: DenseIndex, share: int) -> None:
    index.remove(ids_of(COUNT)[::4])
    some = ids_of(COUNT)[:: COUNT // share]
    allowed = np.setdiff1d(some, index.dead)
    found, scores = index.search(unit(10, 1), 10, np.append(some, 10**9))
    exact = unit(10, 1) @ unit(COUNT, 0)[(allowed - 1) // 3].T
    order = np.argsort(-exact, axis=1)[:, :10]
    hits = [len(set(a) & set(b)) for a, b in zip(found.tolist(), allowed[order].tolist(), strict=True)]
    assert np.mean(hits) >= 0.9 * min(10, len(allowed))
    assert np.isin(found[found >= 0], allowed).all()
    assert np.count_nonzero(found >= 0) == 10 * min(10, len(allowed))
    assert np.all(np.diff(scores[:, : len(allowed)], axis=1) <= 0)


def test_among_nothing(index: DenseIndex) -> None:
    found, _ = index.search(unit(2, 1), 3, np.empty(0, dtype=np.int64))
    assert found.tolist() == [[-1] * 3] * 2


def test_unknown_ids_are_passed_over(index: DenseIndex) -> None:
    index.remove(np.array([2, 10**12, -5], dtype=np.int64))
    assert index.dead.tolist() == []


def test_what_is_added_later_is_found(index: DenseIndex) -> None:
    later = unit(5, 7)
    index.add(ids_of(5, 10_000), later)
    found, scores = index.search(later, 1)
    assert found[:, 0].tolist() == ids_of(5, 10_000).tolist()
    np.testing.assert_allclose(scores[:, 0], 1, atol=1e-5)


@pytest.mark.parametrize("wrong", [[1, 2], [5000, 5000], [5001, 5000]], ids=["past", "twice", "descending"])
def test_ids_that_do_not_ascend_are_refused(index: DenseIndex, wrong: list[int]) -> None:
    with pytest.raises(ValueError, match="ascend"):
        index.add(np.array(wrong, dtype=np.int64), unit(2, 3))
    assert len(index.ids) == COUNT
    found, _ = index.search(unit(4, 1), 5)
    assert np.isin(found, ids_of(COUNT)).all()


def test_scores_of_given_ids(index: DenseIndex) -> None:
    query, vectors = unit(1, 5)[0], unit(COUNT, 0)
    ids = np.array([7, 1, 2, 10**9], dtype=np.int64)
    scores = index.score(query, ids)
    np.testing.assert_allclose(scores[:2], vectors[[2, 0]] @ query, atol=1e-5)
    assert np.isnan(scores[2:]).all()


def test_comes_back_from_its_file(index: DenseIndex, settings: IndexSettings, tmp_path: Path) -> None:
    index.remove(ids_of(COUNT)[:50])
    made = made_with(DIMENSION, 1, settings)
    save(tmp_path / "index", index, Stamp(made, 7, {"1": "ab"}))
    again, stamp = load_dense(tmp_path / "index", settings, made)
    assert stamp == Stamp(made, 7, {"1": "ab"})
    assert again.kind == index.kind
    assert again.ids.tolist() == index.ids.tolist()
    assert again.dead.tolist() == index.dead.tolist()
    for before, after in zip(index.search(unit(9, 2), 12), again.search(unit(9, 2), 12), strict=True):
        np.testing.assert_array_equal(before, after)
    again.add(ids_of(1, 10_000), unit(1, 9))
    assert again.search(unit(1, 9), 1)[0].tolist() == [[10_000]]
