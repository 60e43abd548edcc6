"""The documents of a collection, searched by name, a page at a time."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from ragent.service import Session
from ragent.service.session import CollectionInfo
from ragent.store.listing import DocumentInfo
from ragent_ui.documents.looking import look_at
from ragent_ui.documents.telling import name_of
from ragent_ui.markup import cut, plain
from ragent_ui.words import t

_FIRST = "documents_first"
_WORDS = "documents_words"
_MOST = 25
_LONGEST = 80


def show_list(session: Session, info: CollectionInfo) -> None:
    """Draw it."""
    if not info.documents:
        st.info(t("documents.empty"), icon=":material/inbox:")
        return
    words = st.text_input(
        t("documents.search"),
        key=_WORDS,
        placeholder=t("documents.search"),
        label_visibility="collapsed",
        icon=":material/search:",
        on_change=_go_to,
        args=(0,),
    )
    first = _first(session, info, words)
    found = session.documents.list(info.name, words, first, _MOST + 1)
    if not found:
        st.caption(t("documents.none_found"))
    with st.container(key="documents_list", gap=None):
        for document in found[:_MOST]:
            _show_row(document)
    _show_paging(info, first, found, words)


def _first(session: Session, info: CollectionInfo, words: str) -> int:
    """Where this page of the list begins; at its start again once nothing is left of it."""
    held: str
    first: int
    held, first = st.session_state.get(_FIRST, (info.name, 0))
    if held != info.name or (first and not session.documents.list(info.name, words, first, 1)):
        first = 0
    st.session_state[_FIRST] = (info.name, first)
    return first


def _show_row(document: DocumentInfo) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"row-{document.id}", gap="small"):
        st.button(
            plain(cut(name_of(document.uri), _LONGEST)),
            key=f"look-{document.id}",
            icon=":material/description:",
            type="tertiary",
            on_click=look_at,
            args=(document.id,),
        )
        st.caption(" · ".join(facts(document)), width="content")


def facts(document: DocumentInfo) -> list[str]:
    """What there is to know of a document, in short."""
    name, dot, suffix = document.uri.rpartition(".")
    kind = suffix.upper() if name and dot and suffix.isalnum() and len(suffix) < 6 else document.media_type
    pages = [t("documents.pages", count=document.pages)] if document.pages else []
    return [
        plain(kind),
        *pages,
        t("documents.passages", count=document.chunks),
        _local(document.updated_at),
    ]


def _local(moment: datetime) -> str:
    """A time as the reader's clock shows it."""
    try:
        zone = ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def _show_paging(info: CollectionInfo, first: int, found: list[DocumentInfo], words: str) -> None:
    if not first and len(found) <= _MOST:
        return
    last = first + min(len(found), _MOST)
    with st.container(horizontal=True, vertical_alignment="center", key="documents_paging"):
        st.button(
            t("documents.before"),
            icon=":material/chevron_left:",
            disabled=not first,
            on_click=_go_to,
            args=(max(0, first - _MOST),),
        )
        if words:
            st.caption(t("documents.range", first=first + 1, last=last), width="content")
        else:
            st.caption(
                t("documents.range_of", first=first + 1, last=last, count=info.documents), width="content"
            )
        st.button(
            t("documents.after"),
            icon=":material/chevron_right:",
            disabled=len(found) <= _MOST,
            on_click=_go_to,
            args=(first + _MOST,),
        )


def _go_to(first: int) -> None:
    held, _ = st.session_state.get(_FIRST, ("", 0))
    st.session_state[_FIRST] = (held, first)
