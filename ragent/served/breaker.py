"""Leaving a server alone that keeps failing."""

from __future__ import annotations

import math
from typing import Literal

State = Literal["closed", "open", "half-open"]


class Breaker:
    """A circuit breaker: closed until some failures in a row, then open, then half-open for one trial.

    Times are given by the caller, who also sees to it that no two threads are in here at once.

    Source: M. T. Nygard, "Release It!", 2nd edition, 2018, chapter 5.
    """

    def __init__(self, failures: int, seconds: float) -> None:
        """Set what opens it, and for how long.

        Args:
            failures: in a row.
            seconds: how long it stays open.
        """
        self._limit = failures
        self._seconds = seconds
        self._failures = 0
        self._open_until = -math.inf
        self._on_trial = False

    def state(self, now: float) -> State:
        """What it is: closed lets every call through, half-open a single one, open none."""
        if self._failures < self._limit:
            return "closed"
        return "open" if now < self._open_until else "half-open"

    def admits(self, now: float) -> bool:
        """Whether a call may begin."""
        state = self.state(now)
        return state == "closed" or (state == "half-open" and not self._on_trial)

    def seconds_left(self, now: float) -> float:
        """Seconds until it lets a trial through; 0 where it does now."""
        return 0.0 if self.state(now) == "closed" else max(0.0, self._open_until - now)

    def enter(self, now: float) -> bool:
        """Begin a call that `admits` allows, and tell whether it is the trial."""
        is_trial = self.state(now) == "half-open"
        self._on_trial = self._on_trial or is_trial
        return is_trial

    def succeeded(self) -> None:
        """A call was answered: closed."""
        self._failures = 0
        self._on_trial = False

    def failed(self, now: float) -> None:
        """A call failed. Those that were begun before it opened don't keep it open for longer."""
        if self.state(now) == "open":
            return
        self._failures += 1
        self._on_trial = False
        if self._failures >= self._limit:
            self._open_until = now + self._seconds

    def left(self, is_trial: bool) -> None:
        """A call ended without telling anything; after the trial, there can be another."""
        self._on_trial = self._on_trial and not is_trial
