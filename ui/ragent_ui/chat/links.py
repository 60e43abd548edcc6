"""What is clicked in an answer: Streamlit's elements can't stand within a text, so a script tells."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

import streamlit as st

from ragent_ui.markup import escaped
from ragent_ui.words import t

_NAME = "ragent_links"


def listen(on_open: Callable[[str], None], *, shown: str, focus: str) -> None:
    """Hear which source is clicked in the texts of the page.

    Args:
        on_open: told what the button with `data-source` says, or "" when Escape is to close the source.
        shown: the source that is open, or "": its quote is scrolled to when this changes.
        focus: the cursor is put into the question's field whenever this changes.
    """

    def tell() -> None:
        opened = st.session_state[_NAME].opened
        if opened is not None:
            on_open(opened)

    _element()(key=_NAME, data={"shown": shown, "focus": focus}, on_opened_change=tell)


@cache
def _element() -> Any:
    script = (files("ragent_ui.chat") / "links.js").read_text("utf-8")
    return st.components.v2.component(_NAME, js=script)


def copy_button(of: str, label: str) -> str:
    """A button, as HTML, that copies the text of that class in the same message or source."""
    return (
        f'<button class="rg-small" data-copies="{escaped(of)}" data-done="{escaped(t("chat.copied"))}">'
        f"{escaped(label)}</button>"
    )
