"""Bring documents in: files by drag and drop, folders as ZIP, pages by their address."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from ragent.errors import RagentError
from ragent.service import Session
from ragent.service.session import CollectionInfo
from ragent_ui.documents.telling import Told, name_of, tell, told_of
from ragent_ui.errors import errors_shown
from ragent_ui.words import t

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

_ROUND = "documents_round"
_PIECE = 1 << 20


def show_adding(session: Session, info: CollectionInfo) -> None:
    """Draw it. Files are taken as soon as they are here."""
    # Another key is another widget: what was taken doesn't stay in it.
    number = st.session_state.setdefault(_ROUND, 0)
    with st.container(key="adding"):
        given = st.file_uploader(
            t("documents.drop"), accept_multiple_files=True, key=f"documents-drop-{number}"
        )
        form = st.form("add_page", border=False, clear_on_submit=True)
        with form, st.container(horizontal=True, vertical_alignment="bottom"):
            url = st.text_input(t("documents.url"), placeholder="https://", width="stretch")
            add = st.form_submit_button(t("documents.url_add"), icon=":material/add_link:")
    if given:
        st.session_state[_ROUND] = number + 1
        _take(session, info.name, given)
        st.rerun()
    if add and url.strip():
        with errors_shown():
            session.ingest(info.name, [url.strip() if "://" in url else f"https://{url.strip()}"])
            st.rerun()


def _take(session: Session, collection: str, given: Sequence[UploadedFile]) -> None:
    """Keep each file in the home, then have them all read. One that can't be kept stops no other."""
    kept = []
    with st.spinner(t("documents.keeping")):
        for file in given:
            try:
                path, failed = session.upload(collection, file.name, _pieces(file))
            except RagentError as error:
                tell(told_of(file.name, error))
                continue
            kept.append(str(path))
            tell(*(Told("error", f"{name_of(one.uri)}: {one.error}") for one in failed))
    if kept:
        session.ingest(collection, kept)


def _pieces(file: UploadedFile) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece
