"""Documents: bring them in, look at them, take them out; and the collections that they are in."""

from __future__ import annotations

from importlib.resources import files

import streamlit as st

from ragent_ui.documents.adding import show_adding
from ragent_ui.documents.collections import show_collection
from ragent_ui.documents.jobs import show_jobs
from ragent_ui.documents.listing import show_list
from ragent_ui.documents.looking import show_opened
from ragent_ui.documents.sources import show_sources
from ragent_ui.documents.telling import show_told
from ragent_ui.surroundings import require_session
from ragent_ui.words import t


def show() -> None:
    """Draw it."""
    session = require_session()
    st.html(f"<style>{(files('ragent_ui.documents') / 'style.css').read_text('utf-8')}</style>")
    with st.container(key="documents_page"):
        st.title(t("pages.documents"))
        info = show_collection(session)
        if info is None:
            st.info(t("documents.nothing_to_see"), icon=":material/lock:")
            return
        show_told()
        if info.role == "reader":
            st.caption(t("documents.reader"))
        else:
            show_adding(session, info)
        if not show_jobs(session, info) or info.documents:
            show_list(session, info)
        if info.role != "reader":
            show_sources(session, info)
    show_opened(session)
