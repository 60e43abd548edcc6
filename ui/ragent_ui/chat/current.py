"""Which conversation a tab shows. Its id is in the address: loading the page anew comes back to it."""

from __future__ import annotations

import streamlit as st

from ragent.errors import NotThere
from ragent.service import Session
from ragent.service.conversations import Conversation
from ragent_ui.chat.source import close_source

_PARAMETER = "c"
_CURRENT = "conversation"
_EDITED = "edited_turn"


def id_of_current() -> str:
    """Its id, or "" for one that has not begun."""
    return st.query_params.get(_PARAMETER) or st.session_state.get(_CURRENT, "")


def current(session: Session) -> Conversation | None:
    """The conversation; None for one that has not begun, or is not theirs."""
    id_ = id_of_current()
    if not id_:
        return None
    try:
        found = session.conversations.get(id_)
    except NotThere:
        leave()
        return None
    go_to(id_, keep_source=True)
    return found


def go_to(id_: str, *, keep_source: bool = False) -> None:
    """Show another."""
    if not keep_source:
        close_source()
        stop_editing()
    st.session_state[_CURRENT] = id_
    st.query_params[_PARAMETER] = id_


def leave() -> None:
    """Show none: the next question begins one."""
    close_source()
    stop_editing()
    st.session_state.pop(_CURRENT, None)
    st.query_params.pop(_PARAMETER, None)


def edit(turn_id: str) -> None:
    """Let a question be changed."""
    st.session_state[_EDITED] = turn_id


def stop_editing() -> None:
    """Leave the questions as they are."""
    st.session_state.pop(_EDITED, None)


def is_edited(turn_id: str) -> bool:
    """Whether that question is being changed."""
    return bool(st.session_state.get(_EDITED) == turn_id)
