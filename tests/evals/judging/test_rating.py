from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragent.errors import EvalError
from ragent_evals.judging.rating import Met, groups, standings, strengths


@given(a=st.integers(1, 500), b=st.integers(1, 500))
def test_two_players_have_a_closed_form(a: int, b: int) -> None:
    (found,) = strengths(np.array([[[0.0, a], [b, 0.0]]]))
    assert found[0] / found[1] == pytest.approx(a / b, rel=1e-6)


@settings(max_examples=50, deadline=None)
@given(logs=st.lists(st.floats(-3, 3), min_size=2, max_size=6), games=st.integers(1, 100))
def test_known_strengths_are_recovered(logs: list[float], games: int) -> None:
    known = np.exp(np.array(logs) - np.mean(logs))
    wins = games * known[:, None] / (known[:, None] + known[None, :])
    np.fill_diagonal(wins, 0)
    (found,) = strengths(wins[None])
    assert np.log(found) == pytest.approx(np.log(known), abs=1e-5)


def test_ratings_of_two_by_hand() -> None:
    met = [Met("new", "old", "left")] * 6 + [Met("old", "new", "left")] * 2 + [Met("old", "new", "tie")] * 2
    new, old = standings(met)
    odds = (6 + 1 + 0.5) / (2 + 1 + 0.5)
    assert (new.name, new.wins, new.ties, new.losses) == ("new", 6, 2, 2)
    assert new.rating - old.rating == pytest.approx(400 * math.log10(odds), abs=0.2)
    assert new.rating + old.rating == pytest.approx(2000, abs=0.2)
    assert new.low < new.rating < new.high
    assert new.low < 1000  # ten votes show nothing
    assert standings(met * 20)[0].low > 1000


def test_one_that_never_lost_has_a_rating() -> None:
    best, _ = standings([Met("a", "b", "left")] * 10)
    assert best.name == "a"
    assert best.rating == pytest.approx(1000 + 200 * math.log10(10.5 / 0.5), abs=0.1)


def test_the_side_makes_no_difference() -> None:
    left = [Met("a", "b", "left"), Met("b", "c", "right"), Met("a", "c", "tie"), Met("a", "c", "left")]
    right = [Met("b", "a", "right"), Met("c", "b", "left"), Met("c", "a", "tie"), Met("c", "a", "right")]
    assert standings(left) == standings(right)


def test_those_who_never_met_are_not_rated_together() -> None:
    with pytest.raises(EvalError, match="a, b; c, d"):
        standings([Met("a", "b", "left"), Met("c", "d", "tie")])
    assert standings([]) == []
    assert groups(np.array([[0.0, 0, 1], [0, 0, 0], [0, 0, 0]])) == [[0, 2], [1]]
