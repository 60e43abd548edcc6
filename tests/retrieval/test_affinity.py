from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ragent.config import IndexSettings, RetrievalSettings
from ragent.index.dense import Dense
from ragent.protocols import DenseIndex, Vectors
from ragent.retrieval import HybridRetriever, open_indexes
from ragent.retrieval.affinity import with_affinity
from ragent.retrieval.candidates import Candidates
from ragent.store import Collection, Store
from tests.making import HashedWords

# 1 and 2 are the best two, 3 stands alone, 4 is what the first two are.
VECTORS = np.array([[1, 0, 0, 0], [0.8, 0.6, 0, 0], [0, 0, 1, 0], [0.96, 0.28, 0, 0]], np.float32)


@pytest.fixture
def index() -> DenseIndex:
    made = Dense(4)
    made.add(np.arange(1, 5, dtype=np.int64), VECTORS)
    return made


def vectors(ids: Sequence[int]) -> Vectors:
    return VECTORS[np.array(ids) - 1]


def candidates(*scores: float) -> Candidates:
    ids = np.arange(1, len(scores) + 1, dtype=np.int64)
    return Candidates(ids, np.array(scores, np.float32), {}, dense=np.array(scores, np.float32))


def test_what_is_like_the_best_two_rises(index: DenseIndex) -> None:
    found = with_affinity(candidates(0.9, 0.8, 0.5, 0.45), vectors, index, 0.2)
    assert found.ids.tolist() == [1, 2, 4, 3]
    assert found.dense is not None
    assert found.affinity is not None
    np.testing.assert_allclose(found.dense, [0.9, 0.8, 0.45, 0.5], rtol=1e-6)
    np.testing.assert_allclose(found.scores, (found.dense + 0.2 * found.affinity) / 1.2, rtol=1e-6)
    mean = 2 * VECTORS[0] + VECTORS[1]
    assert found.affinity[0] == pytest.approx(mean[0] / np.linalg.norm(mean), abs=1e-6)


def test_nothing_changes_without_weight_or_enough_to_compare(index: DenseIndex) -> None:
    four, two = candidates(0.9, 0.8, 0.5, 0.45), candidates(0.9, 0.8)
    assert with_affinity(four, vectors, index, 0.0) is four
    assert with_affinity(two, vectors, index, 0.5) is two
    assert with_affinity(four, lambda ids: np.full((len(ids), 4), np.nan, np.float32), index, 0.5) is four


def test_a_search_counts_it_only_where_scores_are_fused(store: Store, collection: Collection, write) -> None:  # type: ignore[no-untyped-def]
    write(a="refund of the tax", b="refund of the fee", c="boats at dawn", d="tax and fee")
    indexes = open_indexes(store, collection, IndexSettings(kind="flat"))

    def plan(**settings: object) -> dict[str, object]:
        retriever = HybridRetriever(
            store,
            collection,
            indexes,
            HashedWords(),
            RetrievalSettings(**settings),  # type: ignore[arg-type]
        )
        return dict(retriever.search("refund", 4).plan)

    assert plan()["affinity"] == 0.25
    assert plan(affinity=0.5)["affinity"] == 0.5
    for settings in ({"affinity": 0.0}, {"fusion": "rrf"}, {"mode": "dense"}, {"mode": "keyword"}):
        assert "affinity" not in plan(**settings)
