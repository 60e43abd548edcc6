"""What a tool may know of the run that called it: sub-agents and memory go by it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from ragent.agent.policy import Approve
from ragent.agent.runs import RunStore
from ragent.types import Usage

_SCOPE: ContextVar[Scope | None] = ContextVar("ragent_agent_scope", default=None)


@dataclass(frozen=True, slots=True)
class Scope:
    """The run that a tool is called by.

    Attributes:
        run_id: its id.
        tainted: whether its context holds text that somebody else than the user wrote: what the tool keeps
            of its arguments (a remembered fact, a sub-agent's task) is then tainted, too.
        is_cancelled: whether the run is to end.
        tokens_left: what a sub-agent may use; None: without limit.
        deadline: when the run must end, by `time.monotonic`; None: never.
        cost_left: what a sub-agent may cost; None: without limit.
        approve: asks a person on behalf of a sub-agent that has nobody to ask.
        runs: where a sub-agent's run is kept if it has no place of its own.
        spent: sub-agents note here what they used, and what it cost.
    """

    run_id: str
    tainted: bool
    is_cancelled: Callable[[], bool] = lambda: False
    tokens_left: int | None = None
    deadline: float | None = None
    cost_left: float | None = None
    approve: Approve | None = None
    runs: RunStore | None = None
    spent: list[tuple[Usage, float]] = field(default_factory=list)

    @property
    def seconds_left(self) -> float | None:
        """Until the deadline; None: without limit."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())


def current_scope() -> Scope | None:
    """The run that is calling a tool just now, in this thread; None outside of tool calls."""
    return _SCOPE.get()


@contextmanager
def entered(scope: Scope) -> Iterator[None]:
    """Make `scope` the current one while inside."""
    token = _SCOPE.set(scope)
    try:
        yield
    finally:
        _SCOPE.reset(token)
