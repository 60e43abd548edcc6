"""The chat page and its neighbours: what Streamlit runs. Start it by `ragent ui`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.resources import files

import streamlit as st

from ragent_ui.errors import errors_shown
from ragent_ui.surroundings import require_session
from ragent_ui.words import t


def main() -> None:
    """Show the page that the address names, to whoever may see it."""
    # An icon by name would be fetched from the network, outside of the page.
    icon = (files("ragent_ui") / "icon.svg").read_text("utf-8")
    st.set_page_config(page_title="ragent", page_icon=icon, layout="wide")
    with errors_shown():
        require_session()
        pages = {
            "": [
                _page("chat", ":material/chat:", default=True),
                _page("documents", ":material/folder_open:"),
                _page("settings", ":material/tune:"),
            ],
            t("pages.quality"): [
                _page("arena", ":material/balance:"),
                _page("evals", ":material/bar_chart:"),
                _page("traces", ":material/timeline:"),
                _page("map", ":material/scatter_plot:"),
            ],
        }
        st.navigation(pages, position="top").run()


def _page(name: str, icon: str, *, default: bool = False) -> st.Page:
    return st.Page(_show(name), title=t(f"pages.{name}"), icon=icon, url_path=name, default=default)


def _show(name: str) -> Callable[[], None]:
    """A page is imported when somebody first looks at it: the chat doesn't wait for the plots."""

    def show() -> None:
        import_module(f"ragent_ui.{name}.page").show()

    return show


main()
