"""How likely chance alone makes a difference so large."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_EXACT = 16
_FLIPS = 9_999
_SET_FLIPS = 999
_AT_ONCE = 1_000
_SEED = 0


def permutation_p(differences: Values) -> float:
    """The two-sided p of the paired permutation test, by flipping the signs of differences, shape (cases,).

    Under the null hypothesis either run could have been the other, case by case. All patterns of signs are
    counted where at most 16 differences aren't 0; otherwise 9,999 drawn from a fixed seed and the observed
    one itself, so that p is never 0 and the test keeps its level (Phipson and Smyth 2010). 1 without a
    difference.
    """
    moved = differences[differences != 0]
    if not len(moved):
        return 1.0
    # Sums of the same numbers in another order may differ in their last digits, and are still ties.
    reach = abs(moved.sum()) - 1e-9 * np.abs(moved).sum()
    if len(moved) <= _EXACT:
        patterns = np.arange(2 ** len(moved))[:, None] >> np.arange(len(moved)) & 1
        return float(np.mean(_reaches(patterns, moved, reach)))
    random = np.random.default_rng(_SEED)
    hits = 1
    for done in range(0, _FLIPS, _AT_ONCE):
        shape = (min(_AT_ONCE, _FLIPS - done), len(moved))
        bits = np.unpackbits(np.frombuffer(random.bytes(shape[0] * -(-shape[1] // 8)), np.uint8))
        hits += int(_reaches(bits.reshape(shape[0], -1)[:, : shape[1]], moved, reach).sum())
    return hits / (_FLIPS + 1)


def swap_p(difference: Callable[[NDArray[np.bool_]], float | None], count: int, observed: float) -> float:
    """The same test for a figure that only a whole set has.

    Args:
        difference: the difference of the figures after the two runs' outcomes were swapped where it is true,
            shape (cases,); None where it isn't defined, which is no evidence against chance.
        count: how many cases.
        observed: the difference as it is.
    """
    random = np.random.default_rng(_SEED)
    reach = abs(observed) * (1 - 1e-9)
    hits = 1
    for _ in range(_SET_FLIPS):
        swapped = difference(random.random(count) < 0.5)
        hits += swapped is None or abs(swapped) >= reach
    return hits / (_SET_FLIPS + 1)


def holm(ps: Sequence[float]) -> list[float]:
    """The p of each of several tests, corrected for there being several (Holm 1979), in the same order.

    Rejecting those below a level keeps the chance of any false rejection below it.
    """
    corrected = [1.0] * len(ps)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[place]))
        corrected[place] = highest
    return corrected


def _reaches(bits: NDArray[np.integer], moved: Values, reach: float) -> NDArray[np.bool_]:
    sums = 2 * (bits.astype(np.float64) @ moved) - moved.sum()
    return np.asarray(np.abs(sums) >= reach)
