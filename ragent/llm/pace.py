"""What a step of the engine costs on this machine, how often drafts are right, and so: how long to draft."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MOST_ROWS = 64
_TOP = 12
_MEMORY = 64
_OWN_MEMORY = 16
_MOST_CERTAIN = 0.99
_PRIOR_WEIGHT = 2.0
# A machine is disturbed now and then, but never works faster than it can: what is faster counts more.
_FASTER, _SLOWER = 0.5, 0.15
# What is expected to be gained must be more than what the estimates may be off by.
_WORTH = 1.1
_HOPE = 0.7
_TRIALS = 0.02
_STALE = 512


class Odds:
    """How often a drafter is right, by how sure it says it is."""

    def __init__(self) -> None:
        self._right = [0.0] * (_TOP + 1)
        self._tried = [0.0] * (_TOP + 1)

    def learn(self, sure: int, *, count: int, failed: bool) -> None:
        """Note a draft of which the first `count` guesses were right, and perhaps the next one wrong.

        Of each degree of sureness, about the last 64 guesses count.
        """
        fading = 1 - 1 / _MEMORY
        for n in range(count + failed):
            degree = min(sure + n, _TOP)
            self._right[degree] = self._right[degree] * fading + (n < count)
            self._tried[degree] = self._tried[degree] * fading + 1

    def chances(self, sure: int, count: int) -> list[float]:
        """The probability of each of `count` tokens of a draft, if those before it are right.

        What was seldom seen is taken to be like the degree below it; the lowest, a matter of luck.
        """
        chance, by_degree = 0.5, []
        for right, tried in zip(self._right, self._tried, strict=True):
            chance = (right + _PRIOR_WEIGHT * chance) / (tried + _PRIOR_WEIGHT)
            by_degree.append(chance)
        return [by_degree[min(sure + n, _TOP)] for n in range(count)]


class OwnOdds:
    """The odds of one request: those of all, times how much better or worse its own guesses were.

    One output quotes and another doesn't, so it begins cautiously.
    """

    def __init__(self, shared: Odds) -> None:
        self._shared = shared
        self._right, self._expected = 0.6, 2.0  # as if two guesses had been poor

    def learn(self, sure: int, *, count: int, failed: bool) -> None:
        """See `Odds.learn`; of the request, about the last 16 guesses count."""
        fading = 1 - 1 / _OWN_MEMORY
        for n, chance in enumerate(self._shared.chances(sure, count + failed)):
            self._right = self._right * fading + (n < count)
            self._expected = self._expected * fading + chance
        self._shared.learn(sure, count=count, failed=failed)

    def chances(self, sure: int, count: int) -> list[float]:
        """See `Odds.chances`."""
        factor = self._right / self._expected
        return [min(_MOST_CERTAIN, factor * chance) for chance in self._shared.chances(sure, count)]


class Pace:
    """Measures the engine's steps, and weighs what a draft costs against what it gains.

    A draft of which no gain is expected, but would be if its rows were 30 % cheaper than they are taken to
    be, is tried now and then: so seldom that trials don't waste more than 2 % of all the time spent. The
    longer none was made, the cheaper they are hoped to have become.
    """

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}
        self._spent = 0.0
        self._wasted = 0.0
        self._trying = False
        self._since = 0  # steps without a draft

    def note(self, rows: int, seconds: float, *, outputs: int, written: int) -> None:
        """Take a step into account.

        Args:
            rows: of its batch.
            seconds: it took.
            outputs: rows that told what comes next.
            written: tokens that came of it.
        """
        self._spent += seconds
        if self._trying and 1 in self._seconds:
            self._wasted += max(0.0, seconds - written * self._seconds[1])
        self._trying = False
        if rows >= MOST_ROWS:
            # A prompt's rows are a hint at what larger drafts would cost, until one has shown it.
            self._learn(MOST_ROWS, seconds * MOST_ROWS / rows)
        elif outputs == rows:
            self._learn(rows, seconds)
            self._since = self._since + 1 if rows == 1 else 0

    def plan(self, chances: Sequence[float], start: float = 0.0, each: float = 0.0) -> int:
        """The length of draft, up to that of `chances`, that writes the most tokens a second; often 0.

        Args:
            chances: the probability of each of its tokens, if those before it are right.
            start: seconds until drafting can begin.
            each: seconds that each token of the draft takes.
        """
        if 1 not in self._seconds or not chances:
            return 0
        tokens = 1 + np.concatenate([[0.0], np.cumsum(np.cumprod(chances))])
        drafted = np.arange(len(tokens))
        cost = self._cost(1 + drafted) + drafted * each + (drafted > 0) * start
        rate = tokens / cost
        best = int(rate.argmax())
        if rate[best] > _WORTH * rate[0]:
            return best
        hope = _HOPE ** (1 + self._since / _STALE)
        hoped = tokens / (cost[0] + hope * (cost - cost[0]))
        best = 1 + int(hoped[1:].argmax())
        affordable = self._wasted + cost[best] - cost[0] <= _TRIALS * self._spent
        self._trying = bool(hoped[best] > rate[0] and affordable)
        return best if self._trying else 0

    def _cost(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Seconds of steps of so many rows; between those that were measured, on a straight line."""
        measured = {MOST_ROWS: MOST_ROWS * self._seconds[1]} | self._seconds
        known = sorted(measured)
        seconds = np.array([measured[row] for row in known])
        # More rows never cost less: what says so was disturbed when it was measured.
        seconds = np.minimum.accumulate(seconds[::-1])[::-1]
        cost: NDArray[np.float64] = np.interp(rows, known, seconds)
        return cost

    def _learn(self, rows: int, seconds: float) -> None:
        before = self._seconds.get(rows, seconds)
        weight = _FASTER if seconds < before else _SLOWER
        self._seconds[rows] = before + weight * (seconds - before)
