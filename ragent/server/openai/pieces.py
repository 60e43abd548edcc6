"""What an answer is made of while it is written, whoever writes it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ragent.server.carrying import ShouldStop
from ragent.service import Session
from ragent.service.turns import Stopped
from ragent.types import Usage

Reason = Literal["stop", "length", "tool_calls"]


@dataclass(frozen=True, slots=True)
class Words:
    """More of the text. `is_draft`: it wasn't checked, and the answer may come out otherwise."""

    text: str
    is_draft: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool; `arguments` is JSON."""

    name: str
    arguments: str
    id: str = field(default_factory=lambda: f"call_{uuid.uuid4().hex[:24]}")


@dataclass(frozen=True, slots=True)
class Finished:
    """The end.

    Attributes:
        reason: why there is no more.
        usage: tokens.
        ragent: what there is to say of an answer from documents; None for the plain model.
        refusal: why there is no value of the form that was asked for.
    """

    reason: Reason
    usage: Usage
    ragent: Mapping[str, Any] | None = None
    refusal: str | None = None


Piece = Words | Call | Finished


def in_turn(session: Session, should_stop: ShouldStop, pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The pieces, once it is their caller's turn. Raises TooMuch where too many wait."""
    try:
        with session.service.turnstile.turn(session.caller.name, should_stop):
            for piece in pieces:
                if should_stop():
                    return
                yield piece
    except Stopped:
        return


def usage_of(usage: Usage) -> dict[str, Any]:
    """Tokens, as OpenAI tells them."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.reused_tokens},
    }
