"""Sets and subjects for tests of running."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ragent_evals.outcome import Cost, Outcome
from ragent_evals.sets.case import Case, EvalSet, Text

TEXTS = {
    "p0": Text("Refunds", "A manager approves refunds over 500 EUR. Others are approved by the desk."),
    "p1": Text("Harbour", "Boats leave the harbour at dawn, and come back with the evening tide."),
    "p2": Text("", "Cats sleep on warm roofs in the afternoon."),
}


def numbered(count: int, *, version: str = "v1") -> EvalSet:
    """So many cases, about no texts, of two slices."""
    cases = tuple(
        Case(
            f"c{number}",
            "schema",
            f"Question {number}?",
            schema={"type": "object"},
            slices={"half": "first" if number < count / 2 else "second"},
        )
        for number in range(count)
    )
    return EvalSet("numbered", cases, {}, version, "")


@dataclass(frozen=True)
class Echo:
    """A subject that notes in a file which cases it was given, and fails on some."""

    noted: Path
    seconds: float = 0.0
    failing: tuple[str, ...] = ()
    at_once: int = 1

    def __repr__(self) -> str:
        return "Echo()"

    def run(self, cases: Sequence[Case]) -> list[Outcome]:
        if any(case.id in self.failing for case in cases):
            raise ValueError("it can't be done")
        time.sleep(self.seconds * len(cases))
        with self.noted.open("a") as file:
            file.write("".join(f"{case.id}\n" for case in cases))
        return [
            Outcome(
                case.id, text=f"Answer {case.id[1:]}", value={"n": case.id}, cost=Cost(self.seconds, None, 3)
            )
            for case in cases
        ]

    def seen(self) -> list[str]:
        return self.noted.read_text().split() if self.noted.exists() else []
