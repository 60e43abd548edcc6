"""Agents: a loop of thoughts, tool calls and observations, whose calls can't be malformed."""

from ragent.agent.tool import Tool, ToolResult, tool

__all__ = ["Tool", "ToolResult", "tool"]
