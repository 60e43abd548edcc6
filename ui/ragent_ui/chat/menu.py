"""What can be done with a whole conversation: rename, save as a file, delete."""

from __future__ import annotations

import re
from collections.abc import Sequence

import streamlit as st

from ragent.service import Session
from ragent.service.conversations import Conversation, Turn
from ragent.service.exporting import as_json, as_markdown
from ragent_ui.chat import current
from ragent_ui.chat.writing import the_desk
from ragent_ui.markup import plain
from ragent_ui.words import t


def show_menu(session: Session, conversation: Conversation, turns: Sequence[Turn]) -> None:
    """The title, and the menu beside it."""
    with st.container(horizontal=True, vertical_alignment="center", key="conversation_head"):
        st.markdown(f"**{plain(conversation.title)}**", width="stretch")
        with st.popover(t("menu.title"), icon=":material/more_horiz:", type="tertiary"):
            _rename(session, conversation)
            name = re.sub(r"[^\w\-]+", "-", conversation.title).strip("-")[:60] or "conversation"
            for label, kind, text in (
                ("menu.markdown", "md", as_markdown(conversation, turns)),
                ("menu.json", "json", as_json(conversation, turns)),
            ):
                st.download_button(
                    t(label),
                    text,
                    file_name=f"{name}.{kind}",
                    mime="application/octet-stream",
                    icon=":material/download:",
                    width="stretch",
                    on_click="ignore",
                )
            if st.button(t("menu.delete"), icon=":material/delete:", width="stretch"):
                st.dialog(t("menu.delete_title"))(_delete)(session, conversation)


def _rename(session: Session, conversation: Conversation) -> None:
    with st.form("rename", border=False):
        title = st.text_input(t("menu.name"), conversation.title, max_chars=200)
        if st.form_submit_button(t("menu.rename"), width="stretch") and title.strip():
            session.conversations.rename(conversation.id, title)
            st.rerun()


def _delete(session: Session, conversation: Conversation) -> None:
    st.markdown(t("menu.delete_sure", title=plain(conversation.title)))
    if st.button(t("menu.delete_yes"), type="primary", icon=":material/delete:"):
        the_desk().clear(conversation.id)
        session.conversations.delete(conversation.id)
        current.leave()
        st.rerun()
