"""The documents as one tool of an agent: a question in, the cited answer or else the passages out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ragent.errors import RagentError, ToolError
from ragent.rag.showing import show_answer
from ragent.types import Answer, Tool, ToolResult

_DESCRIPTION = (
    "Ask the user's documents a question. Gives the answer with the quotes it rests on and where they stand, "
    "or, where the documents give no sure answer, the passages that come nearest."
)
_PARAMETERS: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "question": {"type": "string", "description": "a whole question, which can be understood by itself"}
    },
    "required": ["question"],
    "additionalProperties": False,
}


def documents_tool(ask: Callable[[str], Answer], name: str, description: str, limit: int) -> Tool:
    """A tool that asks. What it gives is tainted; passages take at most `limit` characters."""

    def run(arguments: Mapping[str, Any]) -> ToolResult:
        question = arguments.get("question")
        if not isinstance(question, str):
            raise ToolError("the question is missing", hint='give {"question": "…"}')
        try:
            answer = ask(question)
        except RagentError as error:
            raise ToolError(error.message, hint=error.hint) from error
        return ToolResult(show_answer(answer, limit), tainted=True)

    return Tool(name, description or _DESCRIPTION, _PARAMETERS, run, pure=True)
