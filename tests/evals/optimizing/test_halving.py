from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragent.errors import EvalError
from ragent_evals.optimizing.budget import Budget, parse_budget
from ragent_evals.optimizing.halving import Trial, halve


def means(rows: Sequence[Sequence[float]]) -> list[float]:
    return [sum(row) / len(row) for row in rows]


def trial(worth: Sequence[float], cases: int, noise: float = 0.0, seconds: float = 1.0) -> Trial[float]:
    """Arms of known worth, whose cases differ among each other but not between arms."""

    def look(arm: int, case: int, budget: Budget) -> float:
        budget.charge(seconds)
        return worth[arm] + noise * math.sin(7 * case)

    return Trial(len(worth), cases, look, means)


@given(st.permutations([0.1 * arm for arm in range(11)]), st.integers(60, 400))
def test_the_best_arm_wins_and_the_budget_holds(worth: list[float], limit: int) -> None:
    budget = Budget(limit)
    found = halve(trial(worth, 50, noise=5.0), budget)
    assert found.ranked[0] == worth.index(max(worth))
    assert sorted(found.ranked) == list(range(11))
    assert budget.spent == sum(map(len, found.seen.values())) <= limit


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.integers(0, 300), st.integers(1, 40))
def test_no_budget_is_ever_exceeded(worth: list[float], limit: int, cases: int) -> None:
    budget = Budget(limit)
    try:
        found = halve(trial(worth, cases), budget)
    except EvalError:
        assert limit < len(worth) * max(1, math.ceil(math.log2(max(1, len(worth)))))
    else:
        assert all(len(seen) <= cases for seen in found.seen.values())
    assert budget.spent <= limit


def test_arms_of_a_rung_see_the_same_cases_and_half_of_them_go_on() -> None:
    found = halve(trial([0.1, 0.4, 0.2, 0.3], 100), Budget(80))
    assert [len(rung.scores) for rung in found.rungs] == [4, 2]
    assert [rung.cases for rung in found.rungs] == [10, 30]
    assert found.rungs[0].kept == (1, 3)
    assert found.ranked == (1, 3, 2, 0)


def test_the_earlier_of_two_that_do_equally_well_wins() -> None:
    assert halve(trial([0.5, 0.5, 0.5], 9), Budget(100)).ranked[0] == 0


def test_a_budget_in_time_is_kept_to_within_an_ask() -> None:
    budget = parse_budget("1 min")
    halve(trial([0.1, 0.2, 0.3], 1000, seconds=0.7), budget)
    assert 55 < budget.spent <= 60.7


@pytest.mark.parametrize(
    ("text", "limit", "unit"),
    [("400", 400, "asks"), ("20 asks", 20, "asks"), ("30 min", 1800, "seconds"), ("1.5h", 5400, "seconds")],
)
def test_budgets_are_read_as_people_write_them(text: str, limit: float, unit: str) -> None:
    budget = parse_budget(text)
    assert (budget.limit, budget.unit) == (limit, unit)


@pytest.mark.parametrize("text", ["", "0", "much", "-3", "3 days"])
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(EvalError, match="budget"):
        parse_budget(text)


def test_a_part_of_a_budget_knows_what_an_ask_takes() -> None:
    whole = parse_budget("100 s")
    first = whole.part(0.5)
    first.charge(5.0)
    whole.take(first)
    second = whole.part(1.0)
    assert (second.limit, second.asks) == (95.0, 0)
    assert second.affords(19)
    assert not second.affords(20)
