"""What the proofs under faults share: rounds, what came of each, and the count that is printed at the end."""

from __future__ import annotations

import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ragent.errors import RagentError, StoreError

T = TypeVar("T")

ROUNDS = int(os.environ.get("RAGENT_FAULT_ROUNDS", "3"))
"""How often each fault strikes. `make faults` says 100."""

COUNTED = "faults"
"""The name under which a test's count goes into its report."""

PATIENCE_SECONDS = 60.0
"""Within this time, all must have been said and done."""

Record = Callable[[str, object], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A round: what the fault hit ("" if it came when all was over), and all that was wrong afterwards."""

    hit: str
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Count:
    """How many rounds of a fault were survived, and what it hit how often."""

    fault: str
    rounds: int
    survived: int
    hits: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        where = ", ".join(f"{hit or 'too late'} {count}" for hit, count in self.hits)
        return f"{self.fault}: {self.survived} of {self.rounds} survived ({where})"


def survive(
    fault: str, record: Record, strike: Callable[[int, float], Outcome], rounds: int = ROUNDS
) -> None:
    """Have a fault strike in every round, keep count, and fail if anything was wrong in any.

    Args:
        fault: what it is called where the count is printed.
        record: pytest's `record_property`.
        strike: one round, given its number and when in the course of it to strike, from 0 to 1.
        rounds: how many; fewer for what is slow.
    """
    outcomes = []
    for number, moment in enumerate(spread(rounds)):
        outcomes.append(strike(number, moment))
        sys.stdout.write(f"{fault}, round {number + 1}: {outcomes[-1]}\n")
    hits = Counter(outcome.hit for outcome in outcomes)
    survived = sum(not outcome.problems for outcome in outcomes)
    record(COUNTED, str(Count(fault, len(outcomes), survived, tuple(sorted(hits.items())))))
    wrong = [(number, *outcome.problems) for number, outcome in enumerate(outcomes) if outcome.problems]
    assert wrong == []
    assert set(hits) != {""}


def patiently(look: Callable[[], T], error: type[RagentError] = StoreError) -> T:
    """What comes of it when that error is over: a killed server needs a moment, a busy machine too."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return look()
        except error:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def spread(count: int, seed: int = 9) -> Sequence[float]:
    """Numbers from 0 to 1: one at random in each of `count` equal parts, in random order."""
    rng = random.Random(seed)
    drawn = [(index + rng.random()) / count for index in range(count)]
    rng.shuffle(drawn)
    return drawn


def counts(reports: Sequence[object]) -> Iterator[str]:
    """The counts that tests recorded."""
    for report in reports:
        for name, value in getattr(report, "user_properties", ()):
            if name == COUNTED:
                yield str(value)
