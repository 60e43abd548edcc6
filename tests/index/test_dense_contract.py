"""What every kind of dense index must do: built, mapped from its file, with a part in its tail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragent.config import IndexSettings
from ragent.index.building import build, fold, open_engine
from ragent.index.choosing import made_with
from ragent.index.dense import Dense
from ragent.index.stamped import Stamp, load, save
from ragent.protocols import DenseIndex, Ids, Vectors

DIMENSION = 24
COUNT = 400
SETTINGS = IndexSettings(
    hnsw_m=16, hnsw_ef_construction=64, hnsw_ef_search=64, lsh_bits=96, rabitq_candidates=150, ivf_probes=0.7
)
KINDS = ("flat", "hnsw", "hnsw_sq", "lsh", "rabitq", "ivf")


def unit(count: int, seed: int) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((count, DIMENSION)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def ids_of(count: int, first: int = 1) -> Ids:
    """Ids with gaps, as a store that has seen deletions gives."""
    return np.arange(first, first + 3 * count, 3, dtype=np.int64)


def ignore(done: int, total: int) -> None:
    pass


def tail(first: int = 0, last: int = COUNT) -> Dense:
    index = Dense(DIMENSION)
    index.add(ids_of(COUNT)[first:last], unit(COUNT, 0)[first:last])
    return index


def built(kind: str, count: int = COUNT) -> Dense:
    return build(tail(0, count), kind, SETTINGS, ignore)


def mapped(index: Dense, path: Path) -> Dense:
    save(path, index, Stamp(made_with(DIMENSION, 1, SETTINGS, index.kind), 7, {}))
    loaded = load(path, {"dimension": DIMENSION})
    engine = open_engine(index.kind, DIMENSION, SETTINGS, loaded.native)
    return Dense(DIMENSION, engine, loaded.labels)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["built", "mapped", "part built"])
def index(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> DenseIndex:
    if request.param == "built":
        return built(kind)
    if request.param == "mapped":
        return mapped(built(kind), tmp_path / "index")
    part = built(kind, 250)
    part.add(ids_of(COUNT)[250:], unit(COUNT, 0)[250:])
    return part


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
    np.testing.assert_allclose(scores, np.take_along_axis(exact, positions, axis=1), atol=1e-3)


def test_kind_and_ids(index: DenseIndex, kind: str) -> None:
    assert index.kind == kind
    assert index.ids.tolist() == ids_of(COUNT).tolist()
    assert index.dead.tolist() == []


def test_an_empty_index_finds_nothing() -> None:
    ids, scores = Dense(DIMENSION).search(unit(2, 1), 3)
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
    np.testing.assert_allclose(scores[:, 0], 1, atol=1e-3)


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
    np.testing.assert_allclose(scores[:2], vectors[[2, 0]] @ query, atol=1e-3)
    assert np.isnan(scores[2:]).all()


def test_comes_back_from_its_file(kind: str, tmp_path: Path) -> None:
    index = built(kind)
    index.remove(ids_of(COUNT)[:50])
    again = mapped(index, tmp_path / "index")
    assert again.kind == index.kind
    assert again.ids.tolist() == index.ids.tolist()
    assert again.dead.tolist() == index.dead.tolist()
    for before, after in zip(index.search(unit(9, 2), 12), again.search(unit(9, 2), 12), strict=True):
        np.testing.assert_array_equal(before, after)
    again.add(ids_of(1, 10_000), unit(1, 9))
    assert again.search(unit(1, 9), 1)[0].tolist() == [[10_000]]


def test_folding_changes_no_answer(kind: str, tmp_path: Path) -> None:
    part = mapped(built(kind, 250), tmp_path / "index")
    part.add(ids_of(COUNT)[250:], unit(COUNT, 0)[250:])
    part.remove(ids_of(COUNT)[::9])
    loaded = load(tmp_path / "index", {}, mapped=False)
    whole = fold(part, open_engine(kind, DIMENSION, SETTINGS, loaded.native), ignore)
    assert (whole.tail_count, whole.built_count) == (0, COUNT)
    assert whole.ids.tolist() == part.ids.tolist()
    assert whole.dead.tolist() == part.dead.tolist()
    before, after = (index.search(unit(30, 3), 10)[0] for index in (part, whole))
    assert np.mean([len(set(a) & set(b)) for a, b in zip(before.tolist(), after.tolist(), strict=True)]) > 9.3


def test_building_leaves_out_the_dead(kind: str) -> None:
    index = tail()
    index.remove(ids_of(COUNT)[::2])
    anew = build(index, kind, SETTINGS, ignore)
    assert anew.ids.tolist() == ids_of(COUNT)[1::2].tolist()
    np.testing.assert_allclose(
        anew.score(unit(1, 5)[0], anew.ids), unit(COUNT, 0)[1::2] @ unit(1, 5)[0], atol=1e-3
    )


@pytest.mark.parametrize("count", [1, 2, 40])
def test_few_vectors_do(kind: str, count: int) -> None:
    found, _ = built(kind, count).search(unit(3, 1), 5)
    for row in found.tolist():
        assert sorted(i for i in row if i >= 0)[:count] == sorted(set(row) - {-1})
        assert sum(i >= 0 for i in row) == min(5, count)


def test_what_is_frozen_stays(index: DenseIndex) -> None:
    assert isinstance(index, Dense)
    index.remove(ids_of(3))
    frozen = index.frozen()
    index.add(ids_of(2, 10_000), unit(2, 9))
    index.remove(ids_of(10))
    assert frozen.ids.tolist() == ids_of(COUNT).tolist()
    assert frozen.dead.tolist() == ids_of(3).tolist()
    np.testing.assert_array_equal(frozen.take(np.arange(COUNT)), index.take(np.arange(COUNT)))


def test_building_may_be_stopped(kind: str) -> None:
    def stop(done: int, total: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        build(tail(), kind, SETTINGS, stop)
