"""Agents: a loop of thoughts, tool calls and observations, whose calls can't be malformed."""

from ragent.agent.tool import tool
from ragent.agent.toolbox import ToolContext, open_tools
from ragent.types import Tool, ToolResult

__all__ = ["Tool", "ToolContext", "ToolResult", "open_tools", "tool"]
