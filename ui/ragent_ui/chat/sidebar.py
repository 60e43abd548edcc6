"""The sidebar of the chat: a new conversation, those kept, and which documents are asked."""

from __future__ import annotations

import streamlit as st

from ragent.service import Session
from ragent_ui.chat import current
from ragent_ui.markup import plain
from ragent_ui.surroundings import choose_collection, chosen_collection
from ragent_ui.words import t

_MOST = 60


def show_sidebar(session: Session) -> None:
    """Draw it."""
    with st.sidebar:
        st.button(
            t("sidebar.new"),
            icon=":material/add:",
            width="stretch",
            type="primary",
            on_click=current.leave,
        )
        _choose_collection(session)
        words = st.text_input(
            t("sidebar.search"),
            placeholder=t("sidebar.search"),
            label_visibility="collapsed",
            icon=":material/search:",
        )
        conversations = session.conversations.all(words or "", _MOST)
        if not conversations:
            st.caption(t("sidebar.none_found") if words else t("sidebar.none"))
        with st.container(key="conversations", gap=None):
            for each in conversations:
                is_current = each.id == current.id_of_current()
                st.button(
                    plain(each.title) or t("sidebar.untitled"),
                    key=f"conversation-{each.id}",
                    type="secondary" if is_current else "tertiary",
                    width="stretch",
                    on_click=current.go_to,
                    args=(each.id,),
                )


def _choose_collection(session: Session) -> None:
    """Only where there is a choice."""
    names = [info.name for info in session.collections()]
    if len(names) < 2:
        return
    now = chosen_collection(session)
    chosen = st.selectbox(t("sidebar.collection"), names, index=names.index(now))
    if chosen != now:
        choose_collection(chosen)
        current.leave()
        st.rerun()
