"""What a server says of the first token of an answer: how likely each of the likeliest is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

_MOST = 20
"""More is refused by OpenAI and by vLLM as it comes."""


def foretelling_fields() -> dict[str, Any]:
    """What a request for a chat completion has besides, to be answered with them."""
    return {"stream": False, "logprobs": True, "top_logprobs": _MOST}


def foretold(answer: Any) -> Mapping[str, float] | None:
    """Ln p of each token in the answer to such a request; None where it doesn't tell."""
    try:
        told = _Answer.model_validate(answer).choices[0].logprobs.content[0].top_logprobs
    except (ValidationError, IndexError):
        return None
    return {one.token: one.logprob for one in told} or None


class _Token(BaseModel):
    token: str
    logprob: float


class _Place(BaseModel):
    top_logprobs: list[_Token]


class _Logprobs(BaseModel):
    content: list[_Place]


class _Choice(BaseModel):
    logprobs: _Logprobs


class _Answer(BaseModel):
    choices: list[_Choice]
