"""Settings: how answers are made in this tab, which model writes them, and what it runs on."""

from __future__ import annotations

import streamlit as st

from ragent.service import Session
from ragent_ui.errors import errors_shown
from ragent_ui.settings.choices import reset, show_answering, show_searching
from ragent_ui.settings.keeping import show_keeping
from ragent_ui.settings.machine import show_machine
from ragent_ui.settings.models import show_models
from ragent_ui.settings.prompts import show_prompt
from ragent_ui.surroundings import changes, require_session
from ragent_ui.words import t


def show() -> None:
    """Draw it."""
    session = require_session()
    with st.container(key="settings_page"):
        st.title(t("pages.settings"))
        st.caption(t("settings.what"))
        with errors_shown():
            st.subheader(t("settings.answers"))
            show_answering(session)
            show_prompt(session)
            st.subheader(t("settings.search"))
            show_searching(session)
            _show_changed(session)
        with errors_shown():
            st.subheader(t("settings.model"))
            show_models(session)
        with errors_shown():
            st.subheader(t("settings.machine"))
            show_machine(session)
            st.caption(t("settings.light"))


def _show_changed(session: Session) -> None:
    held = {section: values for section, values in changes().items() if values}
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            t("settings.reset"), icon=":material/restart_alt:", disabled=not held, on_click=reset, key="reset"
        )
        if held and session.caller.is_admin:
            show_keeping(session, held)
