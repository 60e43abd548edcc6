"""ragent answers questions from your own documents, on your own machine.

Nothing heavy is imported here: each name below loads its module on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragent.agent import Agent, Tool
    from ragent.agent.tool import tool
    from ragent.errors import RagentError
    from ragent.rag import Rag
    from ragent.types import Answer, Citation, Document, Hit, IngestReport, SearchResult

__version__ = "0.1.0"

_HOMES = {
    "Agent": "ragent.agent",
    "Answer": "ragent.types",
    "Citation": "ragent.types",
    "Document": "ragent.types",
    "Hit": "ragent.types",
    "IngestReport": "ragent.types",
    "Rag": "ragent.rag",
    "RagentError": "ragent.errors",
    "SearchResult": "ragent.types",
    "Tool": "ragent.types",
    "tool": "ragent.agent.tool",
}

__all__ = [
    "Agent",
    "Answer",
    "Citation",
    "Document",
    "Hit",
    "IngestReport",
    "Rag",
    "RagentError",
    "SearchResult",
    "Tool",
    "tool",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
