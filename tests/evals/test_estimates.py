from __future__ import annotations

import math

import numpy as np
import pytest

from ragent_evals.estimates import interval, measure


def gain(rank: int) -> float:
    return 1 / math.log2(rank + 1)


def test_measures_worked_out_by_hand() -> None:
    qrels = {"q1": {"a": 2, "b": 1, "z": 0}, "q2": {"c": 1}, "q3": {"d": 1}}
    run = {
        "q1": {"b": 3.0, "z": 2.0, "a": 1.0},  # gains 1, 0, 2 against the ideal 2, 1
        "q2": {"x": 9.0, "c": 8.0},
        "q3": {"x": 1.0},
    }
    q1 = (1 * gain(1) + 2 * gain(3)) / (2 * gain(1) + 1 * gain(2))
    found = measure(run, qrels, 100)
    assert found["ndcg@10"].value == pytest.approx((q1 + gain(2) + 0) / 3, abs=1e-4)
    assert found["mrr@10"].value == pytest.approx((1 + 1 / 2 + 0) / 3, abs=1e-4)
    assert found["recall@10"].value == pytest.approx(2 / 3, abs=1e-4)
    assert list(found) == ["ndcg@10", "recall@10", "recall@100", "mrr@10"]


def test_cutoffs_count() -> None:
    run = {"q": {f"x{i}": 100.0 - i for i in range(10)} | {"a": 1.0}}
    found = measure(run, {"q": {"a": 1}}, 100)
    assert (found["ndcg@10"].value, found["recall@10"].value, found["mrr@10"].value) == (0, 0, 0)
    assert found["recall@100"].value == 1


def test_a_query_without_results_counts_as_nothing_found() -> None:
    qrels = {"q1": {"a": 1}, "q2": {"b": 1}}
    for run in ({"q1": {"a": 1.0}}, {"q1": {"a": 1.0}, "q2": {}}):
        assert measure(run, qrels, 100)["mrr@10"].value == 0.5


def test_what_looks_deeper_than_the_run_is_left_out() -> None:
    assert list(measure({"q": {"a": 1.0}}, {"q": {"a": 1}}, 10)) == ["ndcg@10", "recall@10", "mrr@10"]


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
