"""The options of a search, as callers write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from ragent.filters import Filter, parse_filter
from ragent.types import SearchMode, SearchOptions


class SearchArguments(TypedDict, total=False):
    """The keyword arguments of `Rag.search`, `search_many`, `ask` and `stream`: see `SearchOptions`.

    `where` is anything that `ragent.filters.parse_filter` takes; `rerank` and `technique` are one name or
    several.
    """

    mode: SearchMode | None
    where: Filter | Mapping[str, Any] | str | Sequence[Any] | None
    rerank: str | Sequence[str] | None
    technique: str | Sequence[str] | None
    by_document: bool
    explain: bool


def search_options(arguments: SearchArguments) -> SearchOptions:
    """The options that the arguments say. Raises QueryError when the filter can't be understood."""
    where = arguments.get("where")
    return SearchOptions(
        mode=arguments.get("mode"),
        where=None if where is None else parse_filter(where),
        rerank=_names(arguments.get("rerank")),
        technique=_names(arguments.get("technique")),
        by_document=arguments.get("by_document", False),
        explain=arguments.get("explain", False),
    )


def _names(given: str | Sequence[str] | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    return (given,) if isinstance(given, str) else tuple(given)
