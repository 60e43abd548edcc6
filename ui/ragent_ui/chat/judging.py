"""What somebody thinks of an answer: a thumb, and in words what was wrong or what would have been right."""

from __future__ import annotations

import streamlit as st

from ragent.service import Session
from ragent.service.conversations import Conversation, Turn
from ragent_ui.errors import errors_shown
from ragent_ui.words import t

_THUMBS = {-1: 0, 1: 1}
_THANKED = "judged_turn"
_RATINGS = {thumb: rating for rating, thumb in _THUMBS.items()}


def show_judging(session: Session, conversation: Conversation, turn: Turn) -> None:
    """The thumbs, and the form beside them. What was said before is there, and may be changed."""
    before = turn.details.get("judged") or {"rating": 0, "comment": "", "correction": ""}
    key = f"thumbs-{turn.id}"
    if st.session_state.get(_THANKED) == turn.id:
        st.session_state.pop(_THANKED)
        st.toast(t("judging.kept"), icon=":material/check:")

    def rate() -> None:
        thumb = st.session_state[key]
        rating = 0 if thumb is None else _RATINGS[thumb]
        with errors_shown():
            session.judge(
                conversation.id,
                turn.id,
                rating,
                comment=before["comment"],
                correction=before["correction"],
            )

    st.feedback("thumbs", key=key, default=_THUMBS.get(before["rating"]), on_change=rate)
    with st.popover(t("judging.say"), icon=":material/rate_review:", type="tertiary"):
        with st.form(f"judging-{turn.id}", border=False):
            comment = st.text_area(t("judging.comment"), before["comment"], max_chars=4000)
            correction = st.text_area(
                t("judging.correction"), before["correction"], max_chars=4000, help=t("judging.what")
            )
            sent = st.form_submit_button(t("judging.send"), type="primary")
        if sent:
            rating = before["rating"] or (-1 if correction.strip() else 0)
            with errors_shown():
                session.judge(conversation.id, turn.id, rating, comment=comment, correction=correction)
                st.session_state[_THANKED] = turn.id
                st.rerun()
