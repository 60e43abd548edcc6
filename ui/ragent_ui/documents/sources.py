"""Where the documents come from, and bringing them up to date: first told of, then done."""

from __future__ import annotations

import streamlit as st

from ragent.service import Session
from ragent.service.session import CollectionInfo
from ragent_ui.errors import errors_shown
from ragent_ui.markup import plain
from ragent_ui.words import t

_MOST = 200


def show_sources(session: Session, info: CollectionInfo) -> None:
    """Draw it, where there is something that can change by itself."""
    sources = session.sources(info.name)
    if not sources:
        return
    with st.expander(t("documents.sources", count=len(sources)), icon=":material/sync:"), errors_shown():
        st.markdown("\n".join(f"- {plain(source)}" for source in sources[:_MOST]))
        if len(sources) > _MOST:
            st.caption(t("documents.more_sources", count=len(sources) - _MOST))
        delete = st.checkbox(t("documents.sync_delete"))
        st.caption(t("documents.sync_what"))
        if st.button(t("documents.sync_look"), icon=":material/search:"):
            session.sync(info.name, delete=delete, dry_run=True)
            st.rerun()
