"""Conversations as files: Markdown to read, JSON to use."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ragent.rag.showing import place, unwrapped
from ragent.service.conversations import Conversation, Turn


def as_markdown(conversation: Conversation, turns: Sequence[Turn]) -> str:
    """What was said, each answer with its quotes and where they stand."""
    parts = [f"# {_line(conversation.title) or 'Conversation'}"]
    for turn in turns:
        if turn.role == "user":
            parts.append(f"## {_line(turn.content)}")
            continue
        parts.append(turn.content or f"*{turn.details.get('error') or turn.state}*")
        cited = turn.details.get("citations") or ()
        parts += ["\n".join(_quoted(each) for each in cited)] if cited else []
    return "\n\n".join(parts) + "\n"


def as_json(conversation: Conversation, turns: Sequence[Turn]) -> str:
    """The conversation and its turns, dates in ISO 8601."""
    whole = {**asdict(conversation), "turns": [asdict(turn) for turn in turns]}
    return json.dumps(whole, default=lambda value: value.isoformat(), ensure_ascii=False, indent=2) + "\n"


def _quoted(cited: Mapping[str, Any]) -> str:
    where = place(cited["uri"], cited["page"], cited["start"], cited["end"])
    return f"> [{cited['marker']}] {unwrapped(cited['quote'])}  \n> {where}"


def _line(text: str) -> str:
    return " ".join(text.split())
