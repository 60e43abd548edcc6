"""The page that whoever isn't signed in sees instead of any other."""

from __future__ import annotations

import streamlit as st

from ragent_ui.errors import errors_shown
from ragent_ui.sign_in.asking import sign_in
from ragent_ui.surroundings import the_service
from ragent_ui.words import t


def show() -> None:
    """Draw it."""
    service = the_service()
    with st.container(key="sign_in"):
        st.title(t("sign_in.title"))
        if service.settings.server.sign_in == "header":
            st.info(t("sign_in.header"), icon=":material/lock:")
            return
        with st.form("sign_in"):
            name = st.text_input(t("sign_in.name"), max_chars=100, autocomplete="username")
            password = st.text_input(
                t("sign_in.password"), type="password", max_chars=1000, autocomplete="current-password"
            )
            given = st.form_submit_button(t("sign_in.do"), type="primary", width="stretch")
        st.caption(t("sign_in.ask"))
        if given:
            with errors_shown():
                sign_in(service, name.strip(), password)
                st.rerun()
