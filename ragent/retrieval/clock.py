"""Milliseconds by step, for the plan of a search."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Clock:
    """What each step took; a step that is entered again adds to what it took before."""

    spent: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Count what happens inside."""
        began = time.perf_counter()
        yield
        self.spent[name] = round(self.spent.get(name, 0.0) + 1000 * (time.perf_counter() - began), 3)
