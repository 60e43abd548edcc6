from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragent.retrieval.rerank.ordering import added, by_score
from tests.retrieval.rerank.making import check_order, make_hits

numbers = st.floats(-1e3, 1e3)


@given(st.lists(numbers, max_size=8), st.integers(0, 4))
def test_new_scores_order_the_first_hits_and_the_rest_stay_behind(scores: list[float], more: int) -> None:
    hits = make_hits(["x"] * (len(scores) + more))
    found = by_score(hits, scores)
    check_order(hits, found)
    assert [hit.chunk_id for hit in found[len(scores) :]] == [hit.chunk_id for hit in hits[len(scores) :]]
    if scores:
        assert found[0].score == max(scores)


def test_equal_scores_keep_their_order() -> None:
    assert [hit.chunk_id for hit in by_score(make_hits("abc"), [1.0, 2.0, 1.0])] == [2, 1, 3]


def test_adding_brings_scores_to_the_spread_of_those_before() -> None:
    hits = make_hits("abc", [0.6, 0.5, 0.4])
    fused = added(hits, [-300.0, -100.0, -200.0], 0.5)
    share = fused - np.array([0.6, 0.5, 0.4])
    assert share.mean() == pytest.approx(0, abs=1e-9)
    assert share.std() == pytest.approx(0.5 * np.std([0.6, 0.5, 0.4]))
    assert share.argmax() == 1
    np.testing.assert_allclose(added(hits, [-300.0, -100.0, -200.0], 0.0), [0.6, 0.5, 0.4])
    np.testing.assert_allclose(added(hits, [7.0, 7.0, 7.0], 0.5), [0.6, 0.5, 0.4])
    assert by_score(hits, added(make_hits("abc", [0.5, 0.5, 0.5]), [1.0, 3.0, 2.0], 1))[0].chunk_id == 2
