"""Opens tools by name: the built-in ones, and those that other packages register in `ragent.tools`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ragent import registry
from ragent.config import ToolSettings
from ragent.errors import ConfigError, RagentError, ToolError
from ragent.rag import Rag
from ragent.types import Tool, ToolResult


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What tools are opened with.

    Attributes:
        rag: the documents; None: tools that need them can't be opened.
        settings: what tools may reach, `[tools]`.
        scratch: the folder in which sandboxed Python works, kept between calls; None: a new one a call.
    """

    rag: Rag | None = None
    settings: ToolSettings = field(default_factory=ToolSettings)
    scratch: Path | None = None

    @classmethod
    def of(cls, rag: Rag, scratch: Path | None = None) -> ToolContext:
        """Tools over a home, with its settings."""
        return cls(rag, rag.settings.tools, scratch)

    def require_rag(self, name: str) -> Rag:
        """The documents. Raises ConfigError if there are none for the tool of that name."""
        if self.rag is None:
            raise ConfigError(
                f"the tool {name} needs documents", hint="give a Rag: ToolContext.of(Rag.open())"
            )
        return self.rag


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool that is installed: opened, or else `missing` says what it lacks."""

    name: str
    tool: Tool | None
    missing: str = ""


def open_tools(names: Iterable[str], context: ToolContext) -> list[Tool]:
    """The tools of these names, in this order.

    Raises:
        ConfigError: there is no such tool, or the settings don't allow it what it needs.
        MissingExtraError: a package that it needs is not installed.
    """
    return [_open(name, context) for name in dict.fromkeys(names)]


def offers(context: ToolContext) -> list[Offer]:
    """Every tool that is installed, by name, whether it can be opened or not."""
    return [_offer(name, context) for name in registry.names("ragent.tools")]


def _offer(name: str, context: ToolContext) -> Offer:
    try:
        return Offer(name, _open(name, context))
    except RagentError as error:
        return Offer(name, None, f"{error.message}; {error.hint}" if error.hint else error.message)


def _open(name: str, context: ToolContext) -> Tool:
    factory: Callable[[ToolContext], Tool] = registry.load("ragent.tools", name)
    opened = factory(context)
    return replace(opened, run=_guarded(opened))


def _guarded(tool: Tool) -> Callable[[Mapping[str, Any]], ToolResult]:
    """The tool's work, all of whose failures are ToolErrors."""

    def run(arguments: Mapping[str, Any]) -> ToolResult:
        try:
            return tool.run(arguments)
        except ToolError:
            raise
        except RagentError as error:
            raise ToolError(error.message, hint=error.hint) from error
        except Exception as error:
            raise ToolError(f"{tool.name} failed: {type(error).__name__}: {error}") from error

    return run
