from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragent_evals.judging.agreement import agreement, kappa
from ragent_evals.judging.fitting import fit_platt, halves

YES_NO = ("No", "Yes")


def test_kappa_by_hand() -> None:
    # Accuracy 0.7; by chance 0.5 * 0.6 + 0.5 * 0.4 = 0.5.
    assert kappa(np.array([[20.0, 5.0], [10.0, 15.0]])) == pytest.approx((0.7 - 0.5) / 0.5)
    # Cohen 1968 form: 1 - sum(w o) / sum(w e), weights 1/4 and 1 on three verdicts.
    counts = np.array([[2.0, 1.0, 0.0], [0.0, 2.0, 1.0], [1.0, 0.0, 3.0]])
    observed = (1 + 1) / 4 + 1
    expected = (3 * 3 + 3 * 3 + 3 * 4 + 4 * 3) / 10 / 4 + (3 * 4 + 4 * 3) / 10
    assert kappa(counts, quadratic=True) == pytest.approx(1 - observed / expected)


def test_kappa_at_its_ends() -> None:
    assert kappa(np.diag([3.0, 4.0])) == 1
    assert kappa(np.array([[0.0, 3.0], [3.0, 0.0]])) == -1
    assert kappa(np.array([[5.0, 0.0], [0.0, 0.0]])) == 0
    assert kappa(np.zeros((2, 2))) == 0


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(YES_NO), st.sampled_from(YES_NO)), min_size=1, max_size=30))
def test_confusion_holds_every_case_and_the_interval_holds_possible_values(
    pairs: list[tuple[str, str]],
) -> None:
    found = agreement([a for a, _ in pairs], [b for _, b in pairs], YES_NO)
    assert sum(map(sum, found.confusion)) == found.cases == len(pairs)
    assert found.confusion[1][0] == pairs.count(("Yes", "No"))
    assert -1 <= found.kappa.low <= found.kappa.high <= 1
    assert found.accuracy.value == pytest.approx(sum(a == b for a, b in pairs) / len(pairs), abs=1e-4)


def test_a_judge_that_guesses_is_not_calibrated_and_one_that_knows_is() -> None:
    chance = random.Random(1)
    labels = [chance.choice(YES_NO) for _ in range(60)]
    guessed = [chance.choice(YES_NO) for _ in range(60)]
    assert not agreement(labels, guessed, YES_NO).is_calibrated
    assert not agreement(labels, ["Yes"] * 60, YES_NO).is_calibrated
    assert agreement(labels, labels, YES_NO).is_calibrated


def test_platt_recovers_what_scores_mean() -> None:
    chance = random.Random(2)
    logits = [chance.gauss(0, 2) for _ in range(4000)]
    yes = [chance.random() < 1 / (1 + math.exp(-(1.5 * x - 1))) for x in logits]
    found = fit_platt([1 / (1 + math.exp(-x)) for x in logits], yes)
    assert found.slope == pytest.approx(1.5, abs=0.15)
    assert found.intercept == pytest.approx(-1, abs=0.15)
    assert found.threshold is not None
    assert found.probability(found.threshold) == pytest.approx(0.5)


def test_platt_stays_finite_and_says_where_a_score_says_nothing() -> None:
    apart = fit_platt([0.0] * 20 + [1.0] * 20, [False] * 20 + [True] * 20)
    assert apart.probability(0.0) < 0.1 < 0.9 < apart.probability(1.0)
    assert fit_platt([0.9, 0.8, 0.1, 0.2], [False, False, True, True]).threshold is None


def test_halves_part_the_cases_and_stay_the_same() -> None:
    ids = [f"case {number}" for number in range(31)]
    fitted, tested = halves(ids)
    assert sorted(fitted + tested) == list(range(31))
    assert len(fitted) == 15
    assert halves(ids) == (fitted, tested)
