"""The pages there are, by name: the folder that a page is in, and its address."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from ragent_ui.words import t

MAIN = ("chat", "documents", "settings")
QUALITY = ("arena", "evals", "traces", "map")
ACCOUNT = ("account",)
PEOPLE = ("people",)

_ICONS = {
    "account": "account_circle",
    "people": "group",
    "chat": "chat",
    "documents": "folder_open",
    "settings": "tune",
    "arena": "balance",
    "evals": "bar_chart",
    "traces": "timeline",
    "map": "scatter_plot",
}


def page(name: str) -> StreamlitPage:
    """A page to navigate or switch to."""
    return st.Page(
        _show(name),
        title=t(f"pages.{name}"),
        icon=f":material/{_ICONS[name]}:",
        url_path=name,
        default=name == MAIN[0],
    )


def _show(name: str) -> Callable[[], None]:
    """A page is imported when somebody first looks at it: the chat doesn't wait for the plots."""

    def show() -> None:
        import_module(f"ragent_ui.{name}.page").show()

    return show
