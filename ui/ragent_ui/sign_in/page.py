"""The page that whoever isn't signed in sees instead of any other."""

from __future__ import annotations

import streamlit as st

from ragent_ui.words import t


def show() -> None:
    """Draw it."""
    st.title(t("sign_in.title"))
