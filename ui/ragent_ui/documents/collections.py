"""The collection in use: choose another, begin one, share it."""

from __future__ import annotations

import streamlit as st

from ragent.service import Role, Session
from ragent.service.session import CollectionInfo
from ragent_ui.documents.telling import Told, tell
from ragent_ui.errors import errors_shown
from ragent_ui.markup import plain
from ragent_ui.surroundings import choose_collection, chosen_collection
from ragent_ui.words import t

_ROLES: tuple[Role, ...] = ("reader", "editor", "admin")


def show_collection(session: Session) -> CollectionInfo | None:
    """Draw the choice; the collection in use, or None where they may see none."""
    infos = {info.name: info for info in session.collections()}
    if not infos:
        return None
    now = chosen_collection(session)
    with st.container(horizontal=True, vertical_alignment="bottom", key="collection_row"):
        chosen = st.selectbox(t("documents.collection"), list(infos), index=list(infos).index(now), width=320)
        if session.caller.role != "reader":
            # With one more collection it is another widget, and closed.
            new = st.popover(
                t("documents.new_collection"),
                icon=":material/create_new_folder:",
                key=f"new-collection-{len(infos)}",
            )
            with new:
                _show_new(session)
        if session.service.settings.server.sign_in != "off" and infos[now].role == "admin":
            with st.popover(t("documents.share"), icon=":material/group:"):
                _show_sharing(session, now)
    if chosen != now:
        choose_collection(chosen)
        st.rerun()
    return infos[now]


def _show_new(session: Session) -> None:
    with st.form("new_collection", border=False):
        name = st.text_input(t("documents.collection_name"), max_chars=100)
        st.caption(t("documents.collection_what"))
        if st.form_submit_button(t("documents.collection_make"), type="primary"):
            with errors_shown():
                session.claim(name.strip())
                choose_collection(name.strip())
                st.rerun()


def _show_sharing(session: Session, collection: str) -> None:
    with errors_shown():
        grants = session.grants(collection)
        st.markdown(t("documents.shared_with") if grants else t("documents.everybodys"))
        for person, role in grants.items():
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(
                    f"{plain(person.strip() or t('documents.nobody'))} · {t(f'roles.{role}')}",
                    width="stretch",
                )
                if st.button(
                    t("documents.share_end"),
                    key=f"unshare-{person}",
                    icon=":material/close:",
                    type="tertiary",
                ):
                    session.share(collection, person, None)
                    st.rerun()
        _show_share_form(session, collection)
        if grants and st.button(t("documents.open_to_all"), icon=":material/public:"):
            session.open_to_all(collection)
            tell(Told("done", t("documents.opened_to_all", name=collection)))
            st.rerun()


def _show_share_form(session: Session, collection: str) -> None:
    with st.form("share_collection", border=False, clear_on_submit=True):
        person = st.text_input(t("documents.share_person"))
        role = st.selectbox(t("documents.share_role"), _ROLES, format_func=lambda one: t(f"roles.{one}"))
        if st.form_submit_button(t("documents.share_do"), type="primary"):
            session.share(collection, person.strip(), role)
            st.rerun()
