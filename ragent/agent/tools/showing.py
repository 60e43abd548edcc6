"""Keeps what a tool shows within bounds, and tells whose words it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ragent.errors import ToolError


@contextmanager
def own_words() -> Iterator[None]:
    """ToolErrors within hold only our words and the model's own, so they don't taint."""
    try:
        yield
    except ToolError as error:
        raise ToolError(error.message, hint=error.hint, tainted=False) from None


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
