"""Keeps a run from going round in circles, and within its limits."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from ragent.agent.offering import key_of
from ragent.agent.run import Call, Limits, Run, Step, StopReason
from ragent.agent.scope import Scope

Number = TypeVar("Number", int, float)

_ALIKE = 2
LEAST_TOKENS = 32
"""A step can't be written in fewer."""


@dataclass(slots=True)
class Circles:
    """What a run has seen: calls with what was observed, and how long it is since anything was new."""

    idle: int = 0
    taken_out: tuple[Call, ...] = ()
    _pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    _seen: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, steps: Iterable[Step]) -> Circles:
        """After these steps."""
        circles = cls()
        for step in steps:
            circles.note(step)
        return circles

    def note(self, step: Step) -> None:
        """Take a step in. A call that gave the same twice is taken out."""
        told = {observation.text for observation in step.observations}
        self.idle = 0 if told - self._seen else self.idle + 1
        self._seen |= told
        for call, observation in zip(step.calls, step.observations, strict=False):
            pair = (key_of(call.tool, call.arguments), observation.text)
            self._pairs[pair] += 1
            if self._pairs[pair] == _ALIKE:
                self.taken_out = (*self.taken_out, call)


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left to a run.

    Attributes:
        limits: as they were set; None in them is without limit.
        deadline: by `time.monotonic`; None: none.
    """

    limits: Limits
    deadline: float | None

    @classmethod
    def of(cls, limits: Limits, run: Run, scope: Scope | None) -> Budget:
        """What is left to a run that begins or goes on now, within that of the run that called it, if any."""
        tokens, cost, deadline = limits.tokens, limits.cost, None
        if limits.seconds is not None:
            deadline = time.monotonic() + limits.seconds - run.seconds
        if scope:
            tokens, cost = _less(tokens, scope.tokens_left), _less(cost, scope.cost_left)
            deadline = _less(deadline, scope.deadline)
        return cls(Limits(limits.steps, tokens, limits.seconds, cost, limits.idle_steps), deadline)

    def reached(self, run: Run, idle: int) -> tuple[StopReason, str] | None:
        """The limit that a run has reached, in a word and in words; None if it may go on."""
        limits = self.limits
        if limits.steps is not None and len(run.steps) >= limits.steps:
            return "steps", f"it took {len(run.steps)} steps, which is the limit"
        left = self.tokens_left(run)
        if left is not None and left < LEAST_TOKENS:
            return "tokens", f"it used {run.usage.prompt_tokens + run.usage.completion_tokens} tokens"
        if self.seconds_left == 0:
            return "seconds", "its time is over"
        if limits.cost is not None and run.cost >= limits.cost:
            return "cost", f"it cost {run.cost:g}"
        if idle >= limits.idle_steps:
            return "no_progress", f"{idle} steps one after the other brought nothing new"
        return None

    def is_last(self, run: Run) -> bool:
        """Whether only one step is left."""
        return self.limits.steps is not None and len(run.steps) == self.limits.steps - 1

    def tokens_left(self, run: Run) -> int | None:
        """None: any number."""
        limit = self.limits.tokens
        return None if limit is None else limit - run.usage.prompt_tokens - run.usage.completion_tokens

    def cost_left(self, run: Run) -> float | None:
        """None: any sum."""
        return None if self.limits.cost is None else max(0.0, self.limits.cost - run.cost)

    @property
    def seconds_left(self) -> float | None:
        """None: any time."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())


def _less(one: Number | None, other: Number | None) -> Number | None:
    return min((limit for limit in (one, other) if limit is not None), default=None)
