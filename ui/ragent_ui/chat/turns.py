"""How what was said looks: questions, answers, and the ways in which there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from ragent.service import Session
from ragent.service.conversations import Conversation, Turn
from ragent_ui.chat.links import copy_button
from ragent_ui.chat.source import citation_id, file_name, passage_id
from ragent_ui.errors import show_error
from ragent_ui.markup import cut, escaped, plain, written
from ragent_ui.words import t

_NEAREST = 3


def show_question(text: str) -> None:
    """What somebody asked, letter by letter."""
    st.html(f'<div class="rg-asked">{escaped(text)}</div>')


def show_draft(text: str) -> None:
    """An answer as far as it is written: nothing of it was checked yet."""
    st.html(f'<div class="rg-said rg-draft">{written(text, {})}</div>')


def show_answer(session: Session, conversation: Conversation, turn: Turn) -> None:
    """What came of a question."""
    if turn.state == "failed":
        show_error(str(turn.details.get("error", "")), str(turn.details.get("hint", "")))
    elif turn.state == "forgotten":
        st.info(t("chat.forgotten"), icon=":material/delete:")
    elif turn.state == "stopped":
        if turn.content:
            show_draft(turn.content)
        st.caption(f":material/stop_circle: {t('chat.stopped')}")
    elif turn.details.get("abstained"):
        _show_abstention(session, conversation, turn)
    else:
        _show_written(turn)


def _show_written(turn: Turn) -> None:
    citations = turn.details.get("citations") or ()
    sources = {cited["marker"]: citation_id(turn, cited["marker"]) for cited in citations}
    listed = "".join(_listed(turn, cited) for cited in citations)
    named = (
        f'<ol class="rg-sources" aria-label="{escaped(t("chat.sources"))}">{listed}</ol>' if listed else ""
    )
    st.html(f'<div><div class="rg-said">{written(turn.content, sources)}</div>{named}</div>')


def _listed(turn: Turn, cited: Mapping[str, Any]) -> str:
    page = f"<i>{escaped(t('source.page', page=cited['page']))}</i>" if cited["page"] else ""
    return (
        f'<li><button data-source="{escaped(citation_id(turn, cited["marker"]))}"><b>{cited["marker"]}</b>'
        f"<span>{escaped(file_name(cited['uri']))}</span>{page}</button></li>"
    )


def _show_abstention(session: Session, conversation: Conversation, turn: Turn) -> None:
    """That there is no answer, in another form than an answer's, and what was found instead."""
    found = [hit["chunk_id"] for hit in turn.details.get("hits") or ()]
    nearest = session.documents.passages(conversation.collection, found[:_NEAREST])
    cards = "".join(
        f'<li><button data-source="{escaped(passage_id(turn, passage.chunk_id))}">'
        f"<b>{escaped(file_name(passage.uri))}</b>"
        + (f"<i>{escaped(t('source.page', page=passage.page))}</i>" if passage.page else "")
        + f"<span>{escaped(cut(passage.text, 180))}</span></button></li>"
        for passage in nearest
    )
    below = f'<p class="rg-label">{escaped(t("chat.nearest"))}</p><ul class="rg-nearest">{cards}</ul>'
    st.html(
        f'<section class="rg-none" aria-label="{escaped(t("chat.none"))}"><h4>{escaped(t("chat.none"))}</h4>'
        f"<p>{escaped(turn.content)}</p>{below if cards else ''}</section>"
    )


def show_copy(turn: Turn) -> None:
    """Copies an answer without its sources."""
    if turn.content and not turn.details.get("abstained"):
        st.html(copy_button("rg-said", t("chat.copy")), width="content")


def show_details(turn: Turn) -> None:
    """What an answer took and left out, for who wants to know."""
    details = turn.details
    usage, timings = details.get("usage") or {}, details.get("timings") or {}
    with st.popover(t("details.title"), icon=":material/info:", type="tertiary"):
        understood = details.get("understood")
        if understood and understood != details.get("question"):
            st.markdown(f"{t('details.understood')} {plain(understood)}")
        if timings:
            st.caption(t("details.times", total=timings["total_s"], search=timings["retrieve_s"]))
        if usage:
            st.caption(
                t("details.tokens", read=usage["prompt_tokens"], written=usage["completion_tokens"])
                + " "
                + t("details.reused", reused=usage["reused_tokens"])
            )
        if details.get("support"):
            st.caption(t("details.support", support=details["support"]))
        if details.get("reasoning"):
            st.markdown(f"{t('details.reasoning')}\n\n{plain(details['reasoning'])}")
        _show_dropped(details.get("dropped") or ())


def _show_dropped(dropped: Sequence[Mapping[str, Any]]) -> None:
    if dropped:
        st.markdown(t("details.dropped", count=len(dropped)))
        for each in dropped:
            st.caption(f"{plain(each['reason'])}: {plain(cut(each['text'], 240))}")
