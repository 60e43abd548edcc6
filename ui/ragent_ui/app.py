"""The chat page and its neighbours: what Streamlit runs. Start it by `ragent ui`."""

from __future__ import annotations

from importlib.resources import files

import streamlit as st

from ragent_ui.errors import errors_shown
from ragent_ui.navigation import MAIN, QUALITY, page
from ragent_ui.surroundings import require_session
from ragent_ui.words import t


def main() -> None:
    """Show the page that the address names, to whoever may see it."""
    # An icon by name would be fetched from the network, outside of the page.
    icon = (files("ragent_ui") / "icon.svg").read_text("utf-8")
    st.set_page_config(page_title="ragent", page_icon=icon, layout="wide")
    with errors_shown():
        require_session()
        sections = {"": MAIN, t("pages.quality"): QUALITY}
        pages = {title: [page(name) for name in names] for title, names in sections.items()}
        st.navigation(pages, position="top").run()


main()
