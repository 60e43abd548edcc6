"""What the page has to tell after it was drawn anew: what was done, or why it wasn't."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlsplit

import streamlit as st

from ragent.errors import RagentError
from ragent_ui.errors import show_error
from ragent_ui.markup import plain

_TOLD = "documents_told"


@dataclass(frozen=True, slots=True)
class Told:
    """Something to say, and what can be done about it."""

    kind: Literal["done", "warning", "error"]
    text: str
    hint: str = ""


def tell(*said: Told) -> None:
    """Say it when the page is next drawn."""
    st.session_state.setdefault(_TOLD, []).extend(said)


def told_of(name: str, error: RagentError) -> Told:
    """An error about a file."""
    return Told("error", f"{name}: {error.message}", error.hint)


def show_told() -> None:
    """Draw it, once."""
    said: list[Told] = st.session_state.pop(_TOLD, [])
    for each in said:
        if each.kind == "error":
            show_error(each.text, each.hint)
        elif each.kind == "warning":
            st.warning(plain(each.text), icon=":material/warning:")
        else:
            st.success(plain(each.text), icon=":material/check_circle:")


def name_of(uri: str) -> str:
    """What people call a document: the file's name, within its archive, too, or a page's address."""
    archive, inside, member = uri.partition("!/")
    if inside:
        return f"{name_of(archive)} › {unquote(member)}"
    parts = urlsplit(uri)
    if parts.scheme in {"http", "https"}:
        return uri
    return unquote(parts.path).rstrip("/").rpartition("/")[2] or uri
