from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ragent.retrieval.fusion import Scores, convex, ranks, reciprocal_rank

CEILING = 50.0
weights = st.floats(0, 1, width=32)


@st.composite
def two_sides(draw: st.DrawFn) -> tuple[Scores, Scores]:
    """Cosines and BM25 scores of the same candidates; some share no word with the query."""
    count = draw(st.integers(1, 30))
    cosines = draw(hnp.arrays(np.float32, count, elements=st.floats(-1, 1, width=32)))
    matches = draw(hnp.arrays(np.float32, count, elements=st.floats(0, CEILING, width=32)))
    return cosines, matches


@given(two_sides(), weights)
def test_convex_is_bounded_and_lies_between_both_sides(sides: tuple[Scores, Scores], weight: float) -> None:
    dense, keyword = sides
    fused, share = convex(dense, keyword, CEILING, weight), keyword / CEILING
    assert np.all(fused >= np.minimum(dense, share) - 1e-5)
    assert np.all(fused <= np.maximum(dense, share) + 1e-5)


@given(two_sides(), weights, st.integers(0, 29), st.floats(0, 1, width=32))
def test_a_better_side_never_hurts(
    sides: tuple[Scores, Scores], weight: float, which: int, better: float
) -> None:
    dense, keyword = sides
    which %= len(dense)
    for side, step in ((dense, better), (keyword, better * CEILING)):
        raised = side.copy()
        raised[which] += step
        pair = (raised, keyword) if side is dense else (dense, raised)
        before, after = convex(dense, keyword, CEILING, weight), convex(*pair, CEILING, weight)
        assert after[which] >= before[which]
        by_rank = [reciprocal_rank(*both, 60)[which] for both in ((dense, keyword), pair)]
        assert by_rank[1] >= by_rank[0]


@given(two_sides(), weights, st.randoms())
def test_the_order_of_candidates_does_not_matter(sides: tuple[Scores, Scores], weight: float, random) -> None:  # type: ignore[no-untyped-def]
    dense, keyword = sides
    order = list(range(len(dense)))
    random.shuffle(order)
    np.testing.assert_array_equal(
        convex(dense, keyword, CEILING, weight)[order], convex(dense[order], keyword[order], CEILING, weight)
    )
    np.testing.assert_array_equal(
        reciprocal_rank(dense, keyword, 60)[order], reciprocal_rank(dense[order], keyword[order], 60)
    )


@given(two_sides(), weights)
def test_convex_does_not_depend_on_other_candidates(sides: tuple[Scores, Scores], weight: float) -> None:
    dense, keyword = sides
    alone = [convex(dense[i : i + 1], keyword[i : i + 1], CEILING, weight)[0] for i in range(len(dense))]
    np.testing.assert_array_equal(convex(dense, keyword, CEILING, weight), alone)


@given(two_sides())
def test_weights_of_one_and_zero_are_one_side_alone(sides: tuple[Scores, Scores]) -> None:
    dense, keyword = sides
    np.testing.assert_allclose(convex(dense, keyword, CEILING, 1.0), dense, atol=1e-6)
    np.testing.assert_allclose(convex(dense, keyword, CEILING, 0.0), keyword / CEILING, atol=1e-6)


def test_a_query_without_keywords_is_ranked_by_the_dense_side() -> None:
    fused = convex(np.float32([0.1, 0.9]), np.float32([0, 0]), 0.0, 0.4)
    np.testing.assert_allclose(fused, [0.04, 0.36], atol=1e-6)


def test_the_formula_of_reciprocal_rank() -> None:
    dense, keyword = np.float32([0.9, 0.5, 0.7]), np.float32([0, 3, 8])
    expected = [1 / 61, 1 / 63 + 1 / 62, 1 / 62 + 1 / 61]
    np.testing.assert_allclose(reciprocal_rank(dense, keyword, 60), expected, rtol=1e-6)


def test_equal_scores_share_the_best_rank() -> None:
    assert ranks(np.float32([3, 9, 3, 1])).tolist() == [2, 1, 2, 4]
    assert ranks(np.float32([])).tolist() == []
