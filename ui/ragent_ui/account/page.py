"""One's own account: who one is here, another password, and the way out."""

from __future__ import annotations

import streamlit as st

from ragent.service import Session
from ragent_ui.errors import errors_shown
from ragent_ui.markup import plain
from ragent_ui.sign_in.asking import sign_out
from ragent_ui.surroundings import require_session
from ragent_ui.words import t


def show() -> None:
    """Draw it."""
    session = require_session()
    with st.container(key="account_page"):
        st.title(plain(session.caller.name))
        st.markdown(t("account.role", role=t(f"roles.{session.caller.role}")))
        if session.service.settings.server.sign_in == "header":
            st.caption(t("account.header"))
            return
        if st.button(t("account.out"), icon=":material/logout:", type="primary"):
            sign_out(session.service)
            st.rerun()
        with st.expander(t("account.password"), icon=":material/key:"):
            _show_password(session)


def _show_password(session: Session) -> None:
    with st.form("password", border=False, clear_on_submit=True), errors_shown():
        old = st.text_input(t("account.old"), type="password", autocomplete="current-password")
        new = st.text_input(t("account.new"), type="password", autocomplete="new-password")
        if st.form_submit_button(t("account.change"), type="primary"):
            session.change_password(old, new)
            sign_out(session.service)
            st.rerun()
