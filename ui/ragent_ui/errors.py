"""How an error looks on any page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from ragent.errors import RagentError
from ragent_ui.markup import plain


def show_error(message: str, hint: str = "") -> None:
    """What went wrong, and below it what can be done."""
    st.error(plain(message) + (f"\n\n{plain(hint)}" if hint else ""), icon=":material/error:")


@contextmanager
def errors_shown() -> Iterator[None]:
    """Turns a RagentError into its message on the page."""
    try:
        yield
    except RagentError as error:
        show_error(error.message, error.hint)
