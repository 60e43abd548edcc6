"""The page itself."""

from __future__ import annotations

import streamlit as st

from ragent_ui.words import t


def show() -> None:
    """Draw it."""
    st.title(t("pages.traces"))
