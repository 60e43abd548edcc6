"""Finds components by entry point, so that ours and a third party's arrive the same way."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from ragent.errors import ConfigError, MissingExtraError

Group = Literal[
    "ragent.connectors",
    "ragent.parsers",
    "ragent.containers",
    "ragent.renderers",
    "ragent.llms",
    "ragent.embedders",
    "ragent.rerankers",
    "ragent.techniques",
    "ragent.tools",
    "ragent.metrics",
    "ragent.commands",
]


@cache
def _points(group: Group) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=group)}


def names(group: Group) -> list[str]:
    """Names registered in a group, sorted. Nothing is imported."""
    return sorted(_points(group))


def load(group: Group, name: str) -> Any:
    """Import and return what is registered under `name`.

    Raises:
        ConfigError: nothing has that name.
        MissingExtraError: it is registered, but a package that it needs is not installed.
    """
    point = _points(group).get(name)
    if point is None:
        kind = group.removeprefix("ragent.").removesuffix("s")
        raise ConfigError(f"unknown {kind} {name!r}", hint=f"known: {', '.join(names(group)) or 'none'}")
    try:
        return point.load()
    except MissingExtraError:
        raise
    except ImportError as error:
        raise MissingExtraError(
            f"{name!r} needs a package that is not installed: {error.name or error}",
            hint=f"pip install {error.name}" if error.name else "",
        ) from error


def load_all(group: Group) -> dict[str, Any]:
    """Everything registered in a group, by name."""
    return {name: load(group, name) for name in names(group)}
