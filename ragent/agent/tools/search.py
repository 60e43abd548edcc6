"""Searches the documents."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ragent.agent.tool import tool
from ragent.agent.toolbox import ToolContext
from ragent.rag.showing import show_hits
from ragent.types import Tool


def open_search(context: ToolContext) -> Tool:
    """The tool `search`. Raises ConfigError without documents."""
    rag = context.require_rag("search")

    @tool(pure=True, tainted=True)
    def search(query: str, k: Annotated[int, Field(ge=1, le=20)] = 5) -> str:
        """Search the user's documents for passages, by words and by meaning.

        Each passage comes with a number, the uri of its document, its page and its characters: open_document
        shows more of what stands around it.

        Args:
            query: what to look for: a question, or the words that the passage may hold.
            k: how many passages, 1 to 20.
        """
        result = rag.search(query, k)
        if not result.hits:
            return "Nothing was found."
        unsure = result.relevance is not None and result.relevance < rag.settings.ask.min_relevance
        doubt = "These passages may have nothing to do with it.\n\n" if unsure else ""
        return doubt + show_hits(result.hits, context.settings.result_chars)

    return search
