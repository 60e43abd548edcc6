"""When a person is asked before a tool runs."""

from __future__ import annotations

from collections.abc import Callable

from ragent.agent.run import Call
from ragent.agent.tool import Tool

Policy = Callable[[Tool, Call, bool], str]
"""(tool, call, whether the context is tainted) -> why a person must agree, "" where nobody need be asked."""

Approve = Callable[[Call, str], bool]
"""Asks a person: the call, and why they are asked. Whether they agree."""


def ask_when_tainted(tool: Tool, call: Call, tainted: bool) -> str:
    """The default: what has side effects needs a yes once foreign text was read.

    Foreign text may hold instructions, and no model reliably tells them from the user's.
    """
    if not (tool.side_effects and tainted):
        return ""
    return f"{tool.name} has side effects, and text from elsewhere, which may have asked for it, was read"


def ask_always(tool: Tool, call: Call, tainted: bool) -> str:
    """What has side effects needs a yes, whatever was read."""
    return ask_when_tainted(tool, call, tainted) or (f"{tool.name} has side effects" * tool.side_effects)


def never_ask(tool: Tool, call: Call, tainted: bool) -> str:
    """Nobody is asked. For tools whose side effects are harmless whoever asks for them."""
    return ""
