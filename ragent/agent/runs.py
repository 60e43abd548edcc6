"""Keeps runs in the database of a home, step by step."""

from __future__ import annotations

from typing import Protocol

from ragent.agent.run import Call, Run, Step


class RunStore(Protocol):
    """Where runs are kept."""

    def begin(self, run: Run) -> None:
        """Keep a run that has no steps yet."""

    def intend(self, run_id: str, number: int, calls: tuple[Call, ...], thought: str) -> None:
        """Note the calls of a step before they are made, so that none is made twice."""

    def add_step(self, run_id: str, step: Step) -> None:
        """Keep a step that is done."""

    def end(self, run: Run) -> None:
        """Keep what a run came to."""

    def load(self, run_id: str) -> Run:
        """A run as it was kept. Raises StoreError if there is none of that id."""

    def is_cancelled(self, run_id: str) -> bool:
        """Whether somebody asked for its end."""
