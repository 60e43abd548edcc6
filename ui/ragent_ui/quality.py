"""What the pages about quality have in common: a title, what the page is for, and their looks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

import streamlit as st

from ragent_ui.errors import errors_shown
from ragent_ui.words import t


@contextmanager
def quality_page(name: str) -> Iterator[None]:
    """Draw the head of the page of that name; what is drawn within stands below. Errors are shown."""
    st.html(f"<style>{(files('ragent_ui') / 'quality.css').read_text('utf-8')}</style>")
    with st.container(key="quality"):
        st.title(t(f"pages.{name}"), anchor=False)
        st.markdown(t(f"{name}.what"))
        with errors_shown():
            yield
