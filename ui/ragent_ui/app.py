"""The chat page and its neighbours: what Streamlit runs. Start it by `ragent ui`."""

from __future__ import annotations

from importlib.resources import files

import streamlit as st

from ragent_ui.errors import errors_shown
from ragent_ui.navigation import ACCOUNT, MAIN, PEOPLE, QUALITY, page
from ragent_ui.sign_in.asking import hand_over
from ragent_ui.sign_in.page import show as show_sign_in
from ragent_ui.surroundings import session_if_any
from ragent_ui.words import t


def main() -> None:
    """Show the page that the address names, to whoever may see it."""
    # An icon by name would be fetched from the network, outside of the page.
    icon = (files("ragent_ui") / "icon.svg").read_text("utf-8")
    st.set_page_config(page_title="ragent", page_icon=icon, layout="wide")
    st.html(f"<style>{(files('ragent_ui') / 'style.css').read_text('utf-8')}</style>")
    with errors_shown():
        session = session_if_any()
        sections = {"": MAIN, t("pages.quality"): QUALITY}
        if session is None or session.caller.name:
            may = session is None or session.caller.is_admin
            sections[session.caller.name if session else " "] = (*ACCOUNT, *(PEOPLE if may else ()))
        pages = {title: [page(name) for name in names] for title, names in sections.items()}
        # Whoever has to sign in first stays at the address that they came for.
        chosen = st.navigation(pages, position="top" if session else "hidden")
        if session is None:
            show_sign_in()
        else:
            hand_over()
            chosen.run()


main()
