"""One document over the page: its pages as pictures, or its text; read it again, or forget it."""

from __future__ import annotations

import streamlit as st

from ragent.errors import RagentError
from ragent.rag.forgetting import ForgetReport
from ragent.service import Session
from ragent.store.listing import DocumentInfo
from ragent_ui.documents.telling import Told, name_of, tell
from ragent_ui.errors import errors_shown, show_error
from ragent_ui.markup import cut, escaped, plain
from ragent_ui.words import t

_ASKED = "document"
_PAGE, _AROUND, _SURE = "looking_page", "looking_around", "looking_sure"
_FIRST_AROUND = 4000
_PICTURE_PIXELS = 1000
_MB = 2**20


def look_at(document_id: int) -> None:
    """Open a document when the page is next drawn. It is in the address, so that a reload opens it again."""
    _forget_where()
    st.query_params[_ASKED] = str(document_id)


def show_opened(session: Session) -> None:
    """Draw the one that the address names, if any."""
    asked = st.query_params.get(_ASKED, "")
    if not asked:
        return
    try:
        if not (asked.isascii() and asked.isdecimal() and len(asked) < 16):
            raise RagentError(t("documents.no_such"))
        info = session.documents.get(int(asked))
    except RagentError as error:
        show_error(error.message, error.hint)
        return
    dialog = st.dialog(plain(cut(name_of(info.uri), 80)), width="large", on_dismiss=_close)
    dialog(_show)(session, info)


def _close() -> None:
    _forget_where()
    st.query_params.pop(_ASKED, None)


def _forget_where() -> None:
    for name in (_PAGE, _AROUND, _SURE):
        st.session_state.pop(name, None)


def _show(session: Session, info: DocumentInfo) -> None:
    with errors_shown():
        if session.role_in(info.collection) != "reader":
            _show_actions(session, info)
        st.caption(plain(info.title) if info.title else t("documents.untitled"))
        if not _show_page(session, info):
            _show_text(session, info)


# -- what can be done ---------------------------------------------------------------------------------------


def _show_actions(session: Session, info: DocumentInfo) -> None:
    if st.session_state.get(_SURE):
        _show_sure(session, info)
        return
    with st.container(horizontal=True, key="document_actions"):
        if st.button(t("documents.again"), icon=":material/refresh:"):
            session.documents.ingest_again(info.id)
            _close()
            st.rerun()
        if st.button(t("documents.forget"), icon=":material/delete:"):
            st.session_state[_SURE] = True
            st.rerun(scope="fragment")


def _show_sure(session: Session, info: DocumentInfo) -> None:
    st.warning(t("documents.forget_sure"), icon=":material/delete_forever:")
    with st.container(horizontal=True):
        if st.button(t("documents.forget_yes"), type="primary"):
            with st.spinner(t("documents.forgetting")):
                report = session.documents.forget(info.id)
            tell(*_forgotten(name_of(info.uri), report))
            _close()
            st.rerun()
        if st.button(t("documents.forget_no")):
            st.session_state[_SURE] = False
            st.rerun(scope="fragment")


def _forgotten(name: str, report: ForgetReport) -> list[Told]:
    proof = report.proof
    if proof.found:
        files = ", ".join(proof.found[:5])
        return [Told("error", t("documents.not_gone", name=name, files=files), t("documents.not_gone_what"))]
    said = t(
        "documents.forgotten",
        name=name,
        files=proof.files_searched,
        mb=f"{proof.bytes_searched / _MB:.1f}",
        stretches=proof.stretches,
    )
    again = [Told("warning", t("documents.listed_again", name=name))] if report.listed_again else []
    return [Told("done", said), *again]


# -- what it says -------------------------------------------------------------------------------------------


def _show_page(session: Session, info: DocumentInfo) -> bool:
    """Whether there is a picture to show."""
    page = st.session_state.get(_PAGE, 1)
    try:
        picture = session.documents.page_picture(info.id, page, width=_PICTURE_PIXELS)
    except RagentError as error:
        show_error(error.message, error.hint)
        return False
    if picture is None:
        return False
    if info.pages > 1:
        _show_flipping(page, info.pages)
    st.image(picture, width="stretch", output_format="PNG")
    return True


def _show_flipping(page: int, pages: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="document_pages"):
        for name, icon, target in (
            ("source.before", ":material/chevron_left:", page - 1),
            ("source.after", ":material/chevron_right:", page + 1),
        ):
            if target > page:
                st.markdown(t("source.page_of", page=page, pages=pages), width="content")
            if st.button(t(name), icon=icon, type="tertiary", disabled=not 1 <= target <= pages):
                st.session_state[_PAGE] = target
                st.rerun(scope="fragment")


def _show_text(session: Session, info: DocumentInfo) -> None:
    around = st.session_state.get(_AROUND, _FIRST_AROUND)
    excerpt = session.documents.excerpt(info.id, around=around)
    st.html(
        f'<div class="rg-preview" tabindex="0" role="region" aria-label="{escaped(t("documents.text"))}">'
        f"{escaped(excerpt.text)}</div>"
    )
    if excerpt.has_more and st.button(t("documents.more"), type="tertiary", icon=":material/unfold_more:"):
        st.session_state[_AROUND] = around * 4
        st.rerun(scope="fragment")
