"""What the package promises."""

from bookings.stays import merge, nights


def test_stays_apart_stay_apart() -> None:
    """There is a free night between them."""
    assert merge([(7, 9), (1, 5)]) == [(1, 5), (7, 9)]


def test_stays_one_after_the_other_are_one() -> None:
    """Nobody could stay between them."""
    assert merge([(1, 3), (4, 6)]) == [(1, 6)]


def test_a_short_stay_within_a_long_one() -> None:
    """The long one is what it was."""
    assert merge([(1, 9), (2, 4)]) == [(1, 9)]


def test_nights_are_counted_once() -> None:
    """However often they are booked."""
    assert nights([(1, 4), (3, 6)]) == 6
