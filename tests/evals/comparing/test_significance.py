from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragent_evals.comparing.significance import holm, permutation_p, swap_p
from ragent_evals.estimates import interval

small = st.lists(st.integers(-6, 6), min_size=1, max_size=8)


def enumerated(differences: list[int]) -> float:
    sums = [
        abs(sum(sign * one for sign, one in zip(signs, differences, strict=True)))
        for signs in product((1, -1), repeat=len(differences))
    ]
    return sum(one >= abs(sum(differences)) for one in sums) / len(sums)


@given(small)
def test_p_is_the_share_of_sign_patterns_that_reach_the_observed_difference(differences: list[int]) -> None:
    assert permutation_p(np.array(differences, float)) == pytest.approx(enumerated(differences))


@given(small, st.floats(1e-6, 1e6))
def test_p_depends_neither_on_the_scale_nor_on_the_direction(differences: list[int], scale: float) -> None:
    values = np.array(differences, float)
    assert permutation_p(values * scale) == permutation_p(values) == permutation_p(-values)


def test_ties_in_floating_point_count_as_ties() -> None:
    # 0.1 + 0.2 and 0.3 are the same difference here, whatever the last bit says.
    assert permutation_p(np.array([0.1, 0.2, -0.3, 0.3])) == enumerated([1, 2, -3, 3])


def test_p_of_many_cases_is_drawn_never_zero_and_the_same_each_time() -> None:
    gains = np.full(200, 0.1)
    assert permutation_p(gains) == 1 / 10_000
    noise = np.random.default_rng(1).normal(size=200)
    assert permutation_p(noise) == permutation_p(noise)


def test_drawn_p_is_close_to_the_exact_one() -> None:
    # 30 equal differences, 21 of them positive: the sign test, whose p the binomial distribution gives.
    from scipy.stats import binomtest

    differences = np.array([1.0] * 21 + [-1.0] * 9)
    assert permutation_p(differences) == pytest.approx(binomtest(21, 30).pvalue, abs=0.01)


def test_without_a_difference_p_is_one() -> None:
    assert permutation_p(np.zeros(50)) == 1


def test_the_test_keeps_its_level_and_the_interval_its_coverage_where_nothing_differs() -> None:
    random = np.random.default_rng(7)
    experiments = [random.normal(size=40) for _ in range(300)]
    rejected = np.mean([permutation_p(one) <= 0.05 for one in experiments])
    bounds = [interval(one[:, None]) for one in experiments[:150]]
    covered = np.mean([low[0] <= 0 <= high[0] for low, high in bounds])
    assert 0.02 <= rejected <= 0.085
    assert 0.88 <= covered <= 0.99


def test_it_finds_a_difference_that_is_there() -> None:
    random = np.random.default_rng(3)
    found = np.mean([permutation_p(random.normal(0.5, 1, 60)) <= 0.05 for _ in range(60)])
    assert found > 0.9


def test_a_swap_of_a_sum_is_the_flip_of_signs() -> None:
    differences = np.random.default_rng(4).normal(0.2, 1, 40)
    swapped = swap_p(
        lambda where: float(np.where(where, -differences, differences).sum()), 40, float(differences.sum())
    )
    assert swapped == pytest.approx(permutation_p(differences), abs=0.05)


def test_what_is_not_defined_after_a_swap_is_no_evidence() -> None:
    assert swap_p(lambda _: None, 10, 0.5) == 1


def test_holm_on_a_worked_example() -> None:
    # Sorted: 0.005 x 4, 0.01 x 3, 0.03 x 2, 0.04 x 1, and none below the one before it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@settings(max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_only_raises_keeps_the_order_and_is_no_stricter_than_bonferroni(ps: list[float]) -> None:
    corrected = holm(ps)
    for p, q in zip(ps, corrected, strict=True):
        assert p <= q <= min(1, len(ps) * p) + 1e-12
    assert [q for _, q in sorted(zip(ps, corrected, strict=True))] == sorted(corrected)
