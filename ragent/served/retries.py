"""How often to try, and how long to wait in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retries:
    """Attempts, and the longest wait after the first failure, which doubles with each up to a limit."""

    attempts: int = 4
    first_seconds: float = 0.5
    longest_seconds: float = 8.0

    def wait(self, failures: int, chance: Callable[[], float]) -> float:
        """Seconds to wait after so many failures: chosen so that callers don't come in step.

        Args:
            failures: at least 1.
            chance: draws evenly from 0 to 1.

        Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: full jitter.
        """
        return chance() * min(self.longest_seconds, self.first_seconds * 2.0 ** (failures - 1))
