"""A supervisor with workers: an agent whose tools are other agents.

A worker's run keeps within what is left to the supervisor's and counts there; taint goes down with a task and
comes up with what it gave (see `Agent.as_tool`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from ragent.agent.agent import Agent
from ragent.errors import ConfigError, ToolError
from ragent.types import Tool, ToolResult

_DEPTH: ContextVar[int] = ContextVar("ragent_agent_depth", default=0)


@dataclass(frozen=True, slots=True)
class Worker:
    """An agent of a team: how the supervisor calls it, and what it is told that the worker can do."""

    name: str
    description: str
    agent: Agent


def supervisor(agent: Agent, workers: Sequence[Worker], depth: int = 3) -> Agent:
    """`agent` with workers beside its own tools, each of which does the tasks that it is given.

    Args:
        agent: gives tasks and answers.
        workers: may be supervisors themselves.
        depth: how many runs may be begun one within the other below the topmost. A task that would go deeper
            isn't done, and the model that gave it is told.

    Raises:
        ConfigError: there are no workers, or a name can't be a tool's.
    """
    if not workers:
        raise ConfigError("a supervisor needs workers", hint="give it one Worker at least")
    return replace(agent, tools=[*agent.tools, *(_as_tool(worker, depth) for worker in workers)])


def _as_tool(worker: Worker, depth: int) -> Tool:
    inner = worker.agent.as_tool(worker.name, worker.description)

    def run(arguments: Mapping[str, Any]) -> ToolResult:
        if _DEPTH.get() >= depth:
            raise ToolError(
                f"agents may not call others more than {depth} deep", hint="do it yourself", tainted=False
            )
        token = _DEPTH.set(_DEPTH.get() + 1)
        try:
            return inner.run(arguments)
        finally:
            _DEPTH.reset(token)

    return replace(inner, run=run)
