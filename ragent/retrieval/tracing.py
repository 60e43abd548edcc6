"""What is noted of a search: numbers and names of methods, and no word of a query or a passage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ragent.trace import Attributes, Span, span
from ragent.types import SearchResult

_METHODS = ("mode", "kind", "fusion")
_COUNTED = ("milliseconds", "candidates")


def retrieval(collection: str, queries: Sequence[str], k: int) -> Span:
    """The search for some queries."""
    attributes: Attributes = {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.data_source.id": collection,
        "ragent.queries": len(queries),
        "ragent.k": k,
    }
    made = span(f"retrieval {collection}", "retrieval", attributes)
    if made.recorded:
        made.text("query", "\n".join(queries))
    return made


def note(told: Span, results: Sequence[SearchResult]) -> None:
    """Note what was found; of a single query, also how, and in what time."""
    told.set({"ragent.hits": sum(len(result.hits) for result in results)})
    if told.recorded and len(results) == 1:
        told.set({f"ragent.plan.{name}": value for name, value in _numbers(results[0].plan)})
        if results[0].relevance is not None:
            told.set({"ragent.relevance": results[0].relevance})


def _numbers(plan: Mapping[str, Any]) -> Iterator[tuple[str, str | int | float]]:
    for name, value in plan.items():
        if isinstance(value, int | float) or (name in _METHODS and isinstance(value, str)):
            yield name, value
        elif name in _COUNTED:
            for inner, number in value.items():
                if isinstance(number, int | float):
                    yield f"{name}.{inner}", number
