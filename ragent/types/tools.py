"""Tools, and what is said when a model calls them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ragent.errors import ConfigError
from ragent.types.generation import Usage

_TOOL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gave.

    Attributes:
        text: what the model is shown.
        tainted: whether any of it was written by somebody else than the user: documents, web pages, other
            servers' tools.
    """

    text: str
    tainted: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    """Something an agent may do.

    Attributes:
        name: a word, which the model writes.
        description: what it does, for the model.
        parameters: the JSON Schema of its arguments: an object.
        run: does it. Takes the arguments, valid by `parameters`; raises ToolError with a text for the model.
        side_effects: whether it changes anything outside the run: then a person may have to agree.
        pure: whether calls may run beside each other, and equal ones give equal results.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    run: Callable[[Mapping[str, Any]], ToolResult]
    side_effects: bool = False
    pure: bool = False

    def __post_init__(self) -> None:
        if not _TOOL_NAME.fullmatch(self.name):
            raise ConfigError(
                f"{self.name!r} can't be a tool's name",
                hint="a name is a letter or _, then at most 63 letters, digits, _, . or -",
            )


@dataclass(frozen=True, slots=True)
class Wish:
    """A call as a model wrote it by its server's protocol: not even that `arguments` is JSON was checked."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a model said and asked for in a turn, and what came of it: a result a call, in the same order."""

    text: str
    calls: tuple[Wish, ...] = ()
    results: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """What a model that calls tools by its server's protocol says: a text, calls, or both."""

    text: str
    calls: tuple[Wish, ...]
    usage: Usage
