"""Agents: a loop of thoughts, tool calls and observations, whose calls can't be malformed."""

from ragent.agent.agent import Agent
from ragent.agent.policy import ask_always, ask_when_tainted, never_ask
from ragent.agent.run import Call, Limits, Observation, Price, Run, Step, StopReason
from ragent.agent.runs import SavedRuns
from ragent.agent.scope import Scope, current_scope
from ragent.agent.tool import tool
from ragent.agent.toolbox import ToolContext, open_tools
from ragent.types import Tool, ToolResult

__all__ = [
    "Agent",
    "Call",
    "Limits",
    "Observation",
    "Price",
    "Run",
    "SavedRuns",
    "Scope",
    "Step",
    "StopReason",
    "Tool",
    "ToolContext",
    "ToolResult",
    "ask_always",
    "ask_when_tainted",
    "current_scope",
    "never_ask",
    "open_tools",
    "tool",
]
