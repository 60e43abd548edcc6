from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ragent.served import Breaker, Retries


def test_it_opens_half_opens_and_closes() -> None:
    breaker = Breaker(failures=2, seconds=10)
    breaker.failed(0)
    breaker.succeeded()
    breaker.failed(1)
    assert breaker.state(1) == "closed"
    breaker.failed(2)
    assert (breaker.state(2), breaker.admits(11.9), breaker.seconds_left(2)) == ("open", False, 10)
    assert breaker.state(12) == "half-open"
    assert breaker.enter(12)
    assert not breaker.admits(13)  # the one trial is under way
    breaker.succeeded()
    assert (breaker.state(13), breaker.admits(13), breaker.enter(13)) == ("closed", True, False)


def test_a_trial_that_fails_opens_it_again() -> None:
    breaker = Breaker(failures=1, seconds=10)
    breaker.failed(0)
    breaker.failed(5)  # it was begun before
    assert breaker.enter(10)
    breaker.failed(11)
    assert (breaker.state(11), breaker.seconds_left(11)) == ("open", 10)


def test_a_trial_that_nobody_waited_for_leaves_room_for_another() -> None:
    breaker = Breaker(failures=1, seconds=10)
    breaker.failed(0)
    assert breaker.enter(10)
    breaker.left(True)
    assert breaker.admits(10)


@given(st.lists(st.sampled_from(["fail", "succeed", "wait"]), max_size=30))
def test_it_is_open_only_after_failures_in_a_row(story: list[str]) -> None:
    breaker, now, row = Breaker(3, 10), 0.0, 0
    for what in story:
        now += 20 if what == "wait" else 0.1
        if not breaker.admits(now):
            assert row >= 3
            continue
        is_trial = breaker.enter(now)
        assert is_trial == (row >= 3)
        if what == "fail":
            breaker.failed(now)
            row += 1
        elif what == "succeed":
            breaker.succeeded()
            row = 0
        breaker.left(is_trial)
        assert breaker.state(now) == ("closed" if row < 3 else breaker.state(now))


@given(st.integers(1, 40), st.floats(0, 1))
def test_waits_grow_up_to_a_limit(failures: int, chance: float) -> None:
    retries = Retries(first_seconds=0.5, longest_seconds=8)
    assert 0 <= retries.wait(failures, lambda: chance) <= min(8, 0.5 * 2.0 ** (failures - 1))
    assert retries.wait(failures, lambda: 1.0) == min(8, 0.5 * 2.0 ** (failures - 1))
