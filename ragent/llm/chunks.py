"""What ragent reads of the chunks that a chat completion comes in."""

from __future__ import annotations

from pydantic import BaseModel

from ragent.llm.tool_calls import CallPiece
from ragent.types import Usage


class _Delta(BaseModel):
    content: str | None = None
    tool_calls: list[CallPiece] | None = None


class _Choice(BaseModel):
    delta: _Delta | None = None
    finish_reason: str | None = None

    @property
    def text(self) -> str:
        return (self.delta and self.delta.content) or ""

    @property
    def calls(self) -> list[CallPiece]:
        return (self.delta and self.delta.tool_calls) or []


class _Details(BaseModel):
    cached_tokens: int | None = None


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _Details | None = None


class Chunk(BaseModel):
    """One of them."""

    choices: list[_Choice] = []
    usage: _Usage | None = None

    @property
    def counted(self) -> Usage | None:
        if self.usage is None:
            return None
        details = self.usage.prompt_tokens_details
        reused = (details and details.cached_tokens) or 0
        return Usage(self.usage.prompt_tokens, self.usage.completion_tokens, reused)
