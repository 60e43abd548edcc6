from __future__ import annotations

import math

import numpy as np

from ragent_evals.estimates import interval


def test_the_interval_holds_the_mean_and_narrows_with_more_queries() -> None:
    random = np.random.default_rng(3)
    few, many = random.random((20, 2)), random.random((2000, 2))
    widths = []
    for values in (few, many):
        low, high = interval(values)
        assert np.all(low < values.mean(axis=0))
        assert np.all(values.mean(axis=0) < high)
        widths.append(high - low)
    assert np.all(widths[1] < widths[0] / 5)


def test_the_interval_is_that_of_the_normal_approximation() -> None:
    values = np.random.default_rng(5).random((500, 1))
    low, high = interval(values)
    error = values.std(axis=0) / math.sqrt(500)
    np.testing.assert_allclose(high - low, 2 * 1.96 * error, rtol=0.1)


def test_the_interval_is_the_same_every_time() -> None:
    values = np.random.default_rng(1).random((50, 3))
    for first, second in zip(interval(values), interval(values), strict=True):
        np.testing.assert_array_equal(first, second)
    constant = interval(np.ones((10, 1)))
    assert [bound.tolist() for bound in constant] == [[1.0], [1.0]]
