"""The source beside an answer: the page as a picture, or the text, with the quoted words marked."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import streamlit as st

from ragent.errors import NotThere, RagentError
from ragent.rag.showing import unwrapped
from ragent.service import Session
from ragent.service.conversations import Conversation, Turn
from ragent.store.listing import DocumentInfo
from ragent_ui.chat.links import copy_button
from ragent_ui.errors import show_error
from ragent_ui.markup import escaped, marked, plain
from ragent_ui.words import t

_SOURCE, _PAGE, _AROUND, _PICTURE = "source", "source_page", "source_around", "source_picture"
_FIRST_AROUND = 1500
_PICTURE_PIXELS = 1200


@dataclass(frozen=True, slots=True)
class Source:
    """A place in a document that somebody looks at.

    Attributes:
        id: what the button that opens it says.
        marker: the number in the answer; "" for a passage that no answer quotes.
        page: the page on which it begins; None where the format has none.
        start: its first character in the document's text, and `end` the one after its last.
    """

    id: str
    marker: str
    document_id: int
    page: int | None
    start: int
    end: int
    quote: str


def citation_id(turn: Turn, marker: int) -> str:
    """What the button says that opens a citation."""
    return f"{turn.id}:c{marker}"


def passage_id(turn: Turn, chunk_id: int) -> str:
    """What the button says that opens a passage that was found."""
    return f"{turn.id}:p{chunk_id}"


def open_source(session: Session, conversation: Conversation, turns: list[Turn], id_: str) -> None:
    """Show what a button names, or nothing where there is none such (any more)."""
    source = _find(session, conversation, turns, id_)
    for name in (_PAGE, _AROUND, _PICTURE):
        st.session_state.pop(name, None)
    if source is None:
        st.session_state.pop(_SOURCE, None)
    else:
        st.session_state[_SOURCE] = source


def close_source() -> None:
    """Show none."""
    for name in (_SOURCE, _PAGE, _AROUND, _PICTURE):
        st.session_state.pop(name, None)


def source_open() -> Source | None:
    """The one that is shown in this tab."""
    source: Source | None = st.session_state.get(_SOURCE)
    return source


def _find(session: Session, conversation: Conversation, turns: list[Turn], id_: str) -> Source | None:
    turn_id, _, what = id_.partition(":")
    turn = next((turn for turn in turns if turn.id == turn_id), None)
    if turn is None or not what[1:].isdigit():
        return None
    number = int(what[1:])
    if what[0] == "c":
        for cited in turn.details.get("citations") or ():
            if cited["marker"] == number:
                place = cited["document_id"], cited["page"], cited["start"], cited["end"], cited["quote"]
                return Source(id_, str(number), *place)
        return None
    for passage in session.documents.passages(conversation.collection, [number]):
        place = passage.document_id, passage.page, passage.start, passage.end, passage.text
        return Source(id_, "", *place)
    return None


def file_name(uri: str) -> str:
    """What people call the file, of an address."""
    path = unquote(urlsplit(uri).path).rstrip("/")
    return path.rsplit("/", 1)[-1] or uri


def show_source(session: Session, source: Source) -> None:
    """Draw it, with what can be done with it."""
    try:
        info = session.documents.get(source.document_id)
    except NotThere:
        _head(t("source.gone"), source)
        st.info(t("source.gone_long"), icon=":material/delete:")
        return
    _head(file_name(info.uri), source)
    st.html(
        f'<div class="rg-quote"><blockquote class="rg-quoted">{escaped(unwrapped(source.quote))}</blockquote>'
        f"{copy_button('rg-quoted', t('source.copy'))}</div>"
    )
    if not _show_page(session, source, info):
        _show_text(session, source)
    _file_button(session, info)


def _head(name: str, source: Source) -> None:
    label = f"[{source.marker}] {name}" if source.marker else name
    with st.container(horizontal=True, vertical_alignment="center", key="source_head"):
        st.markdown(f"**{plain(label)}**", width="stretch")
        st.button(
            t("source.close"),
            key="close_source",
            icon=":material/close:",
            type="tertiary",
            on_click=close_source,
        )


# -- the page as a picture ----------------------------------------------------------------------------------


def _show_page(session: Session, source: Source, info: DocumentInfo) -> bool:
    """Whether there is a picture to show."""
    if source.page is None:
        return False
    page = st.session_state.get(_PAGE, source.page)
    try:
        picture = _picture(session, source, page)
    except RagentError as error:
        show_error(error.message, error.hint)
        return False
    if picture is None:
        return False
    _flipping(page, info.pages)
    described = t("source.picture", page=page, name=file_name(info.uri))
    st.image(picture, width="stretch", caption=None, output_format="PNG")
    st.html(f'<span class="rg-unseen" data-shows="{escaped(source.id)}">{escaped(described)}</span>')
    return True


def _picture(session: Session, source: Source, page: int) -> bytes | None:
    """The page, drawn once for as long as this tab looks at it."""
    wanted = (source.id, page)
    held = st.session_state.get(_PICTURE)
    if held is None or held[0] != wanted:
        picture = session.documents.page_picture(source.document_id, page, [source.quote], _PICTURE_PIXELS)
        held = st.session_state[_PICTURE] = (wanted, picture)
    drawn: bytes | None = held[1]
    return drawn


def _flipping(page: int, pages: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="source_pages"):
        for name, icon, target in (
            ("source.before", ":material/chevron_left:", page - 1),
            ("source.after", ":material/chevron_right:", page + 1),
        ):
            if name == "source.after":
                st.markdown(t("source.page_of", page=page, pages=pages), width="content")
            st.button(
                t(name),
                icon=icon,
                type="tertiary",
                disabled=not 1 <= target <= pages,
                on_click=_flip_to,
                args=(target,),
            )


def _flip_to(page: int) -> None:
    st.session_state[_PAGE] = page


# -- the text -----------------------------------------------------------------------------------------------


def _show_text(session: Session, source: Source) -> None:
    around = st.session_state.get(_AROUND, _FIRST_AROUND)
    excerpt = session.documents.excerpt(source.document_id, [(source.start, source.end)], around)
    said = [excerpt.text[start:end] for start, end in excerpt.marked]
    if said != [source.quote]:
        st.info(t("source.changed"), icon=":material/history:")
    body = marked(excerpt.text, excerpt.marked if said == [source.quote] else ())
    st.html(
        f'<div class="rg-text" tabindex="0" role="region" aria-label="{escaped(t("source.text"))}"'
        f' data-shows="{escaped(source.id)}">{body}</div>'
    )
    if excerpt.has_more:
        st.button(
            t("source.more"), type="tertiary", icon=":material/unfold_more:", on_click=_widen, args=(around,)
        )


def _widen(around: int) -> None:
    st.session_state[_AROUND] = around * 4


def _file_button(session: Session, info: DocumentInfo) -> None:
    """Nothing where the document is no file of this machine, or isn't the one that was read."""
    try:
        path = session.documents.file(info.id)
    except RagentError:
        return
    if path is not None:
        # As bytes of no kind: a browser must not show a document's HTML as if it were ours.
        st.download_button(
            t("source.open"),
            data=path.read_bytes,
            file_name=path.name,
            mime="application/octet-stream",
            icon=":material/download:",
            on_click="ignore",
        )
