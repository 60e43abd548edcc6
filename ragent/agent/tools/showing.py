"""Keeps what a tool shows within bounds, and says so."""

from __future__ import annotations


def bounded(text: str, limit: int, advice: str = "") -> str:
    """A text of at most `limit` characters and a note that says how many were left out.

    Args:
        text: what to show.
        limit: how many of its characters may stand before the note.
        advice: how the model can come by the rest.
    """
    if len(text) <= limit:
        return text
    note = f"[{len(text) - limit} more characters were left out{'; ' if advice else ''}{advice}]"
    return f"{text[:limit]}\n{note}"
